import { setMaxListeners } from 'node:events';
import { monotonicNow } from '../lib/clock.ts';

/** Longest delay of setTimeout, in milliseconds: Node fires a timer with a longer delay at once. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Runs `run` with a signal that is aborted at `deadline` (milliseconds since 1970) or together with `signal`,
 * and settles as `run` does. It uses neither AbortSignal.timeout nor AbortSignal.any, because Node 20 may
 * garbage-collect such a signal while code still waits for it.
 */
export async function withDeadline<T>(
  deadline: number,
  signal: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  // Many calls may wait for one signal. Each removes its listener, so a high count is no leak.
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

/**
 * Resolves after `ms` milliseconds, when `wake` resolves, or when the signal is aborted, whichever is first.
 */
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
