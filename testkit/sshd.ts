// A real sshd of a test's own on loopback: its own port, host key, and keys that may log in.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './libvirtd.ts';
import { until } from './until.ts';

const execute = promisify(execFile);
const PROGRAM = '/usr/sbin/sshd';
/** sshd changes its root to this folder for what it does before a login; a service manager would make it. */
const EMPTY_FOLDER = '/run/sshd';

/** A running sshd. */
export interface Sshd {
  readonly port: number;
  /** The private key that may log in as root. */
  readonly keyFile: string;
  /** A private key that may not. */
  readonly strangeKey: string;
  readonly knownHosts: string;
  /** A file with another host key for this host. */
  readonly wrongHosts: string;
  /** The query that names key and host key; with these parameters instead of its own, or in addition. */
  query(parameters?: Record<string, string>): string;
  /** The URI of the libvirtd behind it, with that query. */
  uri(parameters?: Record<string, string>): string;
  /** The process ids of sessions: the end of each cuts a connection. */
  sessions(): Promise<number[]>;
  stop(): Promise<void>;
}

/**
 * Starts sshd and waits until it listens. `wrap`: a shell command that runs what a client asks for, which is
 * in SSH_ORIGINAL_COMMAND.
 */
export async function startSshd({ wrap }: { wrap?: string } = {}): Promise<Sshd> {
  const dir = await mkdtemp(join(tmpdir(), 'pdisk-sshd-'));
  await mkdir(EMPTY_FOLDER, { recursive: true, mode: 0o755 });
  const at = (name: string): string => join(dir, name);
  const makeKey = (name: string) =>
    execute('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name), '-C', name]);
  await Promise.all(['host', 'id', 'strange'].map(makeKey));
  const publicKey = async (name: string): Promise<string> =>
    (await readFile(at(`${name}.pub`), 'utf8')).trim().split(' ').slice(0, 2).join(' ');
  const port = await freePort();
  const forced = wrap === undefined ? '' : `,command="${wrap.replaceAll('"', '\\"')}"`;
  await writeFile(at('authorized_keys'), `restrict${forced} ${await publicKey('id')}\n`);
  await writeFile(at('known_hosts'), `[127.0.0.1]:${port} ${await publicKey('host')}\n`);
  await writeFile(at('wrong_hosts'), `[127.0.0.1]:${port} ${await publicKey('strange')}\n`);
  await writeFile(
    at('sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${at('host')}`,
      `AuthorizedKeysFile ${at('authorized_keys')}`,
      'PidFile none',
      'UsePAM no',
      'StrictModes no',
      'PasswordAuthentication no',
      'MaxStartups 100',
    ].join('\n'),
  );
  // It ends with this process, even if that is killed.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', PROGRAM, '-D', '-e', '-f', at('sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const gone = once(child, 'close');
  let log = '';
  child.stderr.setEncoding('utf8').on('data', text => {
    log += text;
  });
  await until(
    () => log.includes('Server listening') || child.exitCode !== null || child.signalCode !== null,
    'sshd',
    { hint: () => log },
  );
  if (child.exitCode !== null) throw new Error(`sshd did not start\n${log}`);

  const query = (parameters: Record<string, string> = {}): string =>
    new URLSearchParams({ keyfile: at('id'), known_hosts: at('known_hosts'), ...parameters }).toString();
  return {
    port,
    keyFile: at('id'),
    strangeKey: at('strange'),
    knownHosts: at('known_hosts'),
    wrongHosts: at('wrong_hosts'),
    query,
    uri: parameters => `qemu+ssh://root@127.0.0.1:${port}/system?${query(parameters)}`,
    async sessions() {
      const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
      return children.split(' ').filter(Boolean).map(Number);
    },
    async stop() {
      child.kill('SIGTERM');
      await gone;
      await rm(dir, { recursive: true, force: true });
    },
  };
}
