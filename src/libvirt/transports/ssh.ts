import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { TransportError, Unsupported } from '../errors.ts';
import type { Target } from '../uri.ts';
import type { SshTarget } from '../uri-parameters.ts';
import { childStream, type Ended } from './child-stream.ts';
import { sshArguments } from './ssh-command.ts';

/** The variables that ssh needs. It gets no others: some programs that it starts would see them. */
const VARIABLES = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SSH_AUTH_SOCK', 'TMPDIR', 'LANG'] as const;

const environment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(VARIABLES.flatMap(name => (process.env[name] ? [[name, process.env[name]]] : [])));

/** The status of ssh itself, if it could not connect or log in. */
const SSH_FAILED = 255;
const NOT_FOUND = 127;

function advice(text: string, status: number | null, ssh: SshTarget): string {
  const { keyFile = "the user's own keys", knownHosts = "the user's known_hosts" } = ssh;
  if (status === NOT_FOUND) return '; the node needs virt-ssh-helper or nc';
  if (status !== SSH_FAILED) return '';
  if (/host key/i.test(text)) return `; the host key was verified with ${knownHosts}`;
  if (/permission denied/i.test(text)) return `; the node refuses ${keyFile}`;
  return '';
}

/** ssh's own words are the only reason that there is. */
function reason({ status, signal, stderr }: Ended, { host }: Target, ssh: SshTarget): TransportError {
  const how = signal === null ? `status ${status}` : `signal ${signal}`;
  const whom = ssh.user === undefined ? host : `${ssh.user}@${host}`;
  const words = stderr === '' ? 'it says nothing more' : stderr;
  return new TransportError(`ssh to ${whom} ended with ${how}: ${words}${advice(stderr, status, ssh)}`);
}

/**
 * Starts ssh, and on the node a program that connects it to the daemon's socket. Resolves when ssh has been
 * started: whether it gets through shows with the first answer, or with the stream's error, which has ssh's
 * reason. When the stream is destroyed, ssh is ended. Rejects with a TransportError or the reason of
 * `signal`.
 */
export async function dialSsh(target: Target, signal: AbortSignal): Promise<Duplex> {
  const { ssh } = target;
  if (!ssh) throw new Unsupported('no target for ssh');
  signal.throwIfAborted();
  const child = spawn(ssh.command, sshArguments(target, ssh), {
    env: environment(),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  try {
    await once(child, 'spawn');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TransportError(`${ssh.command} cannot be started: ${why}`, { cause: error });
  }
  return childStream(child, ended => reason(ended, target, ssh));
}
