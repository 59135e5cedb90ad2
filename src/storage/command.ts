// No shell. The children get a small environment of their own: ours holds secrets, and a locale that would change what LVM says.
// LVM blocks SIGTERM while it changes a volume group, so that one is always let finish; setpriv sends it when this process
// dies, however it dies. What does not heed it in time is killed, but never LVM: between suspending a device and resuming it, that would
// leave a guest without its disk.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

const SETPRIV = '/usr/bin/setpriv';
const PATH = '/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin';
/** How long a program may take to heed SIGTERM, in milliseconds. */
const HEED_MS = 5_000;
/** What is kept of each stream: a report on some ten thousand volumes. */
const MOST_BYTES = 64 * 2 ** 20;

/** A program that did not do what it was asked. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  /** Exit status, or null where a signal ended it. */
  readonly status: number | null;
  readonly stderr: string;

  constructor(program: string, status: number | null, stderr: string) {
    super(stderr.trim().replaceAll(/\s*\n\s*/g, '; ') || `${program} ended with status ${status}`);
    this.status = status;
    this.stderr = stderr;
  }
}

/** No program can be started at this moment: nothing of it was done. */
export class NotStarted extends Error {
  override readonly name = 'NotStarted';
}

/** What a machine or a service manager lets run out, and what gives more of it. */
const SHORT_OF: Readonly<Record<string, string>> = {
  EAGAIN: 'processes or threads; raise their limit (ulimit -u, TasksMax of systemd)',
  ENOMEM: 'memory; raise its limit (MemoryMax of systemd), or end what else takes it',
  EMFILE: 'open files; raise their limit (ulimit -n, LimitNOFILE of systemd)',
  ENFILE: 'open files; raise the limit of the whole machine (sysctl fs.file-max)',
};

function asNotStarted(error: NodeJS.ErrnoException): Error {
  const short = SHORT_OF[error.code ?? ''];
  return short === undefined ? error : new NotStarted(`there are no more ${short} (${error.message})`);
}

/** Node says some of it at once, and the rest on the child that is not there. */
function begin(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  try {
    return spawn(command, args, options);
  } catch (error) {
    throw error instanceof Error ? asNotStarted(error) : error;
  }
}

/** Runs a program and resolves with what it printed, when it has ended. Throws CommandError, NotStarted, or the reason of an aborted `signal`. */
export type RunCommand = (program: string, args: readonly string[], signal: AbortSignal) => Promise<string>;

const NEVER_KILLED = 'lvm';

/** Runs programs of the system, with `more` in their environment; `heedMs`: how long one may take to heed SIGTERM. */
export function createRunner(more: Readonly<Record<string, string>> = {}, heedMs = HEED_MS): RunCommand {
  const env = { PATH, LC_ALL: 'C', LVM_SUPPRESS_FD_WARNINGS: '1', ...more };

  return (program, args, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const child = begin(SETPRIV, ['--pdeathsig', 'TERM', program, ...args], {
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
        // Not in our process group: a Ctrl-C is ours to act on.
        detached: true,
      });
      let failure: Error | undefined;
      child.once('error', error => {
        failure = asNotStarted(error);
        // Where there are no descriptors for its streams, nothing else is heard of it.
        if (!child.stdout) reject(failure);
      });
      const text = { stdout: '', stderr: '' };
      let timeouts: NodeJS.Timeout | undefined;
      const onAbort = (): void => {
        child.kill('SIGTERM');
        if (program !== NEVER_KILLED) timeouts = setTimeout(() => child.kill('SIGKILL'), heedMs);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      for (const name of ['stdout', 'stderr'] as const) {
        child[name]?.setEncoding('utf8').on('data', (more: string) => {
          if (text[name].length < MOST_BYTES) text[name] += more;
        });
      }
      child.once('close', status => {
        clearTimeout(timeouts);
        signal.removeEventListener('abort', onAbort);
        if (status === 0) resolve(text.stdout);
        else if (signal.aborted) reject(signal.reason);
        else reject(failure ?? new CommandError(program, status, text.stderr));
      });
    });
}
