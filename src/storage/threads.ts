// Calls on the pool's file system run in libuv's thread pool, which the store and the hashing of passwords
// also use. A file system that hangs (a dead NFS server, a frozen file system) blocks every thread that calls
// it. So at most half of the threads are used for the pool's file system.

/** Size of libuv's thread pool; 4 is libuv's default. */
const THREADS = Number(process.env.UV_THREADPOOL_SIZE) || 4;
const MAX_BUSY = Math.max(1, Math.floor(THREADS / 2));

/** The signal was aborted before a thread was free: the call was not made. */
export class NotBegun extends Error {
  override readonly name = 'NotBegun';
}

interface Waiter {
  readonly go: () => void;
}

let busy = 0;
const waiting = new Set<Waiter>();
const whenFree: (() => void)[] = [];

function release(): void {
  busy -= 1;
  if (busy === 0) for (const tell of whenFree.splice(0)) tell();
  const [next] = waiting;
  if (next) next.go();
}

function slot(signal: AbortSignal | undefined): Promise<void> | undefined {
  if (busy < MAX_BUSY) {
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

/** Resolves when no call of the pool occupies a thread; where its file system hangs, that may be never. */
export async function threadsFree(): Promise<void> {
  if (busy > 0) await new Promise<void>(resolve => whenFree.push(resolve));
}

/**
 * Makes a call that occupies one of libuv's threads, when one of the pool's share is free; first in, first
 * out. Throws NotBegun if `signal` is aborted before the call begins.
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
