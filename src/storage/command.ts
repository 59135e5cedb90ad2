// Runs programs without a shell. They get a small environment of their own: ours holds secrets, and a locale
// that would change LVM's messages. setpriv makes the kernel send SIGTERM to the child when this process dies
// for any reason. LVM blocks SIGTERM while it changes a volume group, so it always finishes the change. A
// program that does not end after SIGTERM is killed, but LVM never is: killed between suspending and resuming
// a device, it would leave a guest without its disk.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

const SETPRIV = '/usr/bin/setpriv';
const PATH = '/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin';
/** How long a program may take to end after SIGTERM, in milliseconds. */
const KILL_AFTER_MS = 5_000;
/** Limit in characters for each output stream, enough for LVM's report on more than ten thousand volumes. */
const MAX_OUTPUT_CHARS = 64 * 2 ** 20;

/** A program ended with a status other than 0. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  /** Exit status, or null if a signal ended the program. */
  readonly status: number | null;
  readonly stderr: string;

  constructor(program: string, status: number | null, stderr: string) {
    super(stderr.trim().replaceAll(/\s*\n\s*/g, '; ') || `${program} ended with status ${status}`);
    this.status = status;
    this.stderr = stderr;
  }
}

/** The program could not be started, for lack of a resource: it has done nothing. */
export class NotStarted extends Error {
  override readonly name = 'NotStarted';
}

/** For each errno of a missing resource: its name, and how to get more of it. */
const SHORT_OF: Readonly<Record<string, string>> = {
  EAGAIN: 'processes or threads; raise their limit (ulimit -u, TasksMax of systemd)',
  ENOMEM: 'memory; raise its limit (MemoryMax of systemd), or end what else takes it',
  EMFILE: 'open files; raise their limit (ulimit -n, LimitNOFILE of systemd)',
  ENFILE: 'open files; raise the limit of the whole host (sysctl fs.file-max)',
};

function asNotStarted(error: NodeJS.ErrnoException): Error {
  const short = SHORT_OF[error.code ?? ''];
  return short === undefined ? error : new NotStarted(`there are no more ${short} (${error.message})`);
}

/** Starts a child. Node throws some errors here; the others come as the child's event 'error'. */
function begin(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  try {
    return spawn(command, args, options);
  } catch (error) {
    throw error instanceof Error ? asNotStarted(error) : error;
  }
}

/**
 * Runs a program and resolves with its standard output when it has ended. When `signal` is aborted the
 * program gets SIGTERM. Throws CommandError, NotStarted, or the reason of an aborted `signal`.
 */
export type RunCommand = (program: string, args: readonly string[], signal: AbortSignal) => Promise<string>;

const NEVER_KILLED = 'lvm';

/**
 * A runner of the system's programs, with `more` in their environment. `killAfterMs`: milliseconds from
 * SIGTERM to SIGKILL.
 */
export function createRunner(
  more: Readonly<Record<string, string>> = {},
  killAfterMs = KILL_AFTER_MS,
): RunCommand {
  const env = { PATH, LC_ALL: 'C', LVM_SUPPRESS_FD_WARNINGS: '1', ...more };

  return (program, args, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const child = begin(SETPRIV, ['--pdeathsig', 'TERM', program, ...args], {
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
        // Its own process group, so that Ctrl-C reaches only this process.
        detached: true,
      });
      let failure: Error | undefined;
      child.once('error', error => {
        failure = asNotStarted(error);
        // Without descriptors for its streams the child emits no 'close'.
        if (!child.stdout) reject(failure);
      });
      const text = { stdout: '', stderr: '' };
      let timeouts: NodeJS.Timeout | undefined;
      const onAbort = (): void => {
        child.kill('SIGTERM');
        if (program !== NEVER_KILLED) timeouts = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      for (const name of ['stdout', 'stderr'] as const) {
        child[name]?.setEncoding('utf8').on('data', (more: string) => {
          if (text[name].length < MAX_OUTPUT_CHARS) text[name] += more;
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
