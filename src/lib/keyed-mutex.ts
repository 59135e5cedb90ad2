/**
 * Acquires the mutex of a key; resolves with the function that releases it. Rejects with the signal's reason.
 */
export type Acquire = (key: string, signal: AbortSignal) => Promise<() => void>;

/** Rejects with the signal's reason as soon as the signal is aborted; otherwise settles as `promise` does. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * A mutex per key, first come, first served. A waiter whose signal is aborted leaves the queue; the holder is
 * never interrupted.
 */
export function keyedMutex(): Acquire {
  const last = new Map<string, Promise<void>>();

  return async (key, signal) => {
    signal.throwIfAborted();
    const before = last.get(key);
    let end = (): void => {};
    const ended = new Promise<void>(resolve => {
      end = resolve;
    });
    // `before` too, not `ended` alone: a waiter that leaves the queue early must not let the next one in
    // while the holder is still at work.
    const mine = Promise.all([before, ended]).then(() => {
      if (last.get(key) === mine) last.delete(key);
    });
    last.set(key, mine);
    if (!before) return end;
    try {
      await unlessAborted(before, signal);
    } catch (error) {
      end();
      throw error;
    }
    return end;
  };
}
