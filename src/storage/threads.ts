// The calls of a pool's file system run in libuv's threads, which the store and the hashing of passwords need, too. A file system that
// hangs (a dead NFS server, a frozen one) keeps every thread that is in it: half of them are never in it, whatever is asked of the pool.

/** libuv's own default where the variable says nothing. */
const THREADS = Number(process.env.UV_THREADPOOL_SIZE) || 4;
const MOST = Math.max(1, Math.floor(THREADS / 2));

/** The call was given up while it waited for a thread: it was not made. */
export class NotBegun extends Error {
  override readonly name = 'NotBegun';
}

interface Waiter {
  readonly go: () => void;
}

let busy = 0;
const waiting = new Set<Waiter>();

function release(): void {
  busy -= 1;
  const [next] = waiting;
  if (next) next.go();
}

function slot(signal: AbortSignal | undefined): Promise<void> | undefined {
  if (busy < MOST) {
    busy += 1;
    return undefined;
  }
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      waiting.delete(waiter);
      reject(new NotBegun('no thread was free in time'));
    };
    const waiter: Waiter = {
      go() {
        waiting.delete(waiter);
        signal?.removeEventListener('abort', leave);
        busy += 1;
        resolve();
      },
    };
    waiting.add(waiter);
    signal?.addEventListener('abort', leave, { once: true });
  });
}

/**
 * Makes a call that occupies a thread for as long as it takes, when one of those is free that a pool may have; in the order of asking.
 * Throws NotBegun when `signal` is aborted before.
 */
export async function inThread<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal?.aborted) throw new NotBegun('it was given up before');
  const wait = slot(signal);
  if (wait) await wait;
  try {
    return await call();
  } finally {
    release();
  }
}
