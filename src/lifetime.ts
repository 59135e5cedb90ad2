import { once } from 'node:events';
import type { Logger } from 'pino';
import { type Closing, createClosing } from './closing.ts';
import { sentenceOf } from './errors.ts';

/** The life of the service, as its start sees it. */
export interface Life {
  /** Aborted, with what asked for it, when the service is to end; that may be at any moment of the start. */
  readonly signal: AbortSignal;
  /** What the start has opened is added here. */
  readonly closing: Pick<Closing, 'add'>;
  /** Logs a fault of that kind and ends the service; the process then exits with status 1. */
  fail(what: string): (error: Error) => void;
}

/**
 * Starts a service, waits until `told` is aborted or something fails for good, and closes what was opened.
 * `start` should look at the signal between its steps; where the end comes before the start is over, its
 * errors only follow from that. Closing may take `limitMs` milliseconds, after which the process ends.
 * Rejects with the error of a start that failed by itself.
 */
export async function live(
  log: Logger,
  told: AbortSignal,
  limitMs: number,
  start: (life: Life) => Promise<void>,
): Promise<void> {
  const end = new AbortController();
  const closing = createClosing(log, limitMs);
  const ended = once(end.signal, 'abort').then(() => {
    log.info({ why: end.signal.reason }, 'pdisk stops');
    closing.limit();
  });
  const fail = (what: string) => (error: Error) => {
    log.fatal({ err: error }, what);
    process.exitCode = 1;
    end.abort(what);
  };
  told.addEventListener('abort', () => end.abort(told.reason));
  if (told.aborted) end.abort(told.reason);
  try {
    end.signal.throwIfAborted();
    await start({ signal: end.signal, closing, fail });
    await ended;
  } catch (error) {
    if (!end.signal.aborted) throw error;
    if (error !== end.signal.reason) log.warn(`the start was given up: ${sentenceOf(error)}`);
  } finally {
    await closing.run();
  }
  log.info('pdisk has stopped');
}
