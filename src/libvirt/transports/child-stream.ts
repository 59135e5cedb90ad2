import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { Duplex } from 'node:stream';

/** How a child has ended. */
export interface Ended {
  /** null: by a signal. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Its last lines on standard error, in one line. */
  readonly stderr: string;
}

/** How long a child that was told to end may take, in milliseconds. */
const PATIENCE_MS = 2000;
/** How much of its standard error is kept, in characters, and how many lines of that are told. */
const STDERR_MAX = 4096;
const LINES_MAX = 2;

const told = (stderr: string): string =>
  stderr
    .split(/[\r\n]+/)
    .map(line => line.trim())
    .filter(line => line !== '')
    .slice(-LINES_MAX)
    .join(' ')
    .replace(/[.;:]$/, '');

/**
 * The standard streams of a child, which has been started, as one stream. When the child ends by itself, the
 * stream is destroyed with the error that `explain` makes of it. Destroying the stream ends the child
 * (SIGTERM, then SIGKILL), and the stream is closed when the child is gone.
 */
export function childStream(child: ChildProcessWithoutNullStreams, explain: (ended: Ended) => Error): Duplex {
  const { stdin, stdout, stderr } = child;
  let complaints = '';
  let patience: NodeJS.Timeout | undefined;

  /** Ends a child that has closed a stream, or was told to end, and is still there. */
  const lose = (): void => {
    patience ??= setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  };
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;

  const stream = new Duplex({
    read: () => void stdout.resume(),
    // After a failed write the child ends, and how it ends tells more than EPIPE does.
    write: (chunk, _encoding, done) => void stdin.write(chunk, error => (error ? lose() : done())),
    final: done => void stdin.end(done),
    destroy(error, done) {
      if (hasEnded()) return done(error);
      child.once('exit', () => done(error));
      // A process that the child has started may hold the other ends of these.
      for (const end of [stdin, stdout, stderr]) end.destroy();
      child.kill('SIGTERM');
      lose();
    },
  });
  stdin.on('error', lose);
  stdout.on('data', chunk => {
    if (!stream.push(chunk)) stdout.pause();
  });
  stdout.on('end', lose);
  stderr.setEncoding('utf8').on('data', text => {
    complaints = (complaints + text).slice(-STDERR_MAX);
  });
  child.on('error', () => undefined);
  child.on('exit', () => clearTimeout(patience));
  // Not `exit`: by then its last words may not have been read.
  child.on('close', (status, signal) => {
    if (!stream.destroyed) stream.destroy(explain({ status, signal, stderr: told(complaints) }));
  });
  return stream;
}
