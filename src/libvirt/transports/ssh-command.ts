// The command lines of the ssh transport. ssh is started without a shell; what it passes on is run by the
// login shell of the user on the node, so every word of that is quoted.
import type { Target } from '../uri.ts';
import type { SshTarget } from '../uri-parameters.ts';

/**
 * How long ssh may take to connect and to log in, in seconds. A limit for a child that outlives this process.
 */
const CONNECT_SECONDS = 30;

/** A word for a POSIX shell. */
const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** The command on the node, for `sh`: a program that connects its standard streams to the daemon. */
function bridge({ name, sockets }: Target, { proxy, netcat }: SshTarget): string {
  const helper = `exec virt-ssh-helper ${quoted(name)}`;
  if (proxy === 'native') return helper;
  const nc = quoted(netcat);
  const last = sockets.at(-1);
  if (last === undefined) return helper;
  const choice = sockets
    .slice(0, -1)
    .map(socket => `if test -S ${quoted(socket)}; then S=${quoted(socket)}; else `)
    .join('');
  const choose = `${choice}S=${quoted(last)}${'; fi'.repeat(sockets.length - 1)}`;
  // Some variants of nc stay after the end of their input unless told otherwise, others know no such option.
  const byNetcat = `${choose}; if ${nc} -q 2>&1 | grep -q 'requires an argument'; then exec ${nc} -q0 -U "$S"; else exec ${nc} -U "$S"; fi`;
  if (proxy === 'netcat') return byNetcat;
  return `if command -v virt-ssh-helper > /dev/null 2>&1; then ${helper}; else ${byNetcat}; fi`;
}

/** An option whose value is a path. */
const pathOption = (name: string, path: string): string[] => ['-o', `${name}="${path}"`];

/** The arguments for ssh: it asks nobody anything, verifies the host key, and does nothing but this. */
export function sshArguments(target: Target, ssh: SshTarget): string[] {
  return [
    '-T',
    '-x',
    '-a',
    ...['-e', 'none'],
    ...['-o', 'BatchMode=yes'],
    ...['-o', 'StrictHostKeyChecking=yes'],
    ...['-o', 'UpdateHostKeys=no'],
    ...['-o', `ConnectTimeout=${CONNECT_SECONDS}`],
    ...['-o', 'ServerAliveInterval=5', '-o', 'ServerAliveCountMax=5'],
    ...['-o', 'ControlMaster=no', '-o', 'ControlPath=none'],
    ...['-o', 'ClearAllForwardings=yes'],
    ...['-o', 'PermitLocalCommand=no'],
    // Without the banner of the node, which would hide the reason of a refusal.
    ...['-o', 'LogLevel=ERROR'],
    ...(ssh.keyFile === undefined
      ? []
      : [...pathOption('IdentityFile', ssh.keyFile), '-o', 'IdentitiesOnly=yes']),
    ...(ssh.knownHosts === undefined
      ? []
      : [...pathOption('UserKnownHostsFile', ssh.knownHosts), '-o', 'GlobalKnownHostsFile=/dev/null']),
    ...(ssh.port === undefined ? [] : ['-p', String(ssh.port)]),
    ...(ssh.user === undefined ? [] : ['-l', ssh.user]),
    '--',
    target.host,
    `sh -c ${quoted(bridge(target, ssh))}`,
  ];
}
