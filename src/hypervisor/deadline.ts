import { setMaxListeners } from 'node:events';
import { monotonicNow } from '../lib/clock.ts';

/** Longest delay of a timer: a longer one would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Runs `run` with a signal that is aborted at `deadline` (milliseconds since 1970) or with `signal`, and settles as `run` does.
 * Neither AbortSignal.timeout nor AbortSignal.any: Node 20 may collect such signals while somebody waits for them.
 */
export async function withDeadline<T>(
  deadline: number,
  signal: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  // Many calls may wait under one deadline; each takes its listener away again.
  setMaxListeners(0, controller.signal);
  const onAbort = (): void => controller.abort(signal?.reason);
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(
    () => controller.abort(new Error('the deadline has passed')),
    Math.min(LONGEST_MS, Math.max(0, deadline - monotonicNow())),
  );
  try {
    return await run(controller.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Resolves after `ms` milliseconds, when `wake` resolves or when the signal is aborted, whatever comes first. */
export async function pause(ms: number, signal: AbortSignal, wake?: Promise<void>): Promise<void> {
  if (signal.aborted || ms <= 0) return;
  await new Promise<void>(resolve => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, Math.min(LONGEST_MS, ms));
    signal.addEventListener('abort', end, { once: true });
    void wake?.then(end);
  });
}
