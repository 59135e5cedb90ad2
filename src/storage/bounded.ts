// Limits for the requests to a pool. A request waits in memory, where waiting is cheap: for the mutex of its
// volume, for a slot, and, while what it needs is in use or locked, for the next retry. A request that hangs
// occupies only its own slot, and every query has a time limit.
import { errorOf, PdiskError, reasonOf } from '../errors.ts';
import { keyedMutex, unlessAborted } from '../lib/keyed-mutex.ts';
import type { Pool } from './pool.ts';
import { slots } from './slots.ts';
import { NotBegun } from './threads.ts';
import { withTimeout } from './timeout.ts';

/** The limits of a pool. */
export interface Bounds {
  /** How many changes run at the same time. */
  readonly atOnce: number;
  /** How many creations and resizes may wait; a further one is refused with POOL_BUSY. */
  readonly waiting: number;
  /** Time limit of a query, in milliseconds. */
  readonly questionMs?: number;
  /** Longest time that the wiping of one piece may delay the wiping of other volumes, in milliseconds. */
  readonly hungMs?: number;
}

/**
 * Thrown by a pool if what a change needs is in use or locked. The change is retried until its signal is
 * aborted, and then rejects with `why`.
 */
export class Passing extends Error {
  override readonly name = 'Passing';
  readonly why: PdiskError;

  constructor(why: PdiskError) {
    super(why.message);
    this.why = why;
  }
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
const QUESTION_MS = 60_000;
const CHECK_MS = 10_000;
/** A piece takes up to 20 s, and the queries before it may wait for LVM's lock. */
const HUNG_MS = 180_000;
const LISTS = 'lists';
const WIPER = 'wiper';

/** Resolves after `ms` milliseconds, or when the signal is aborted. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });

/** Calls that come while one is running share its result. */
function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let asking: Promise<T> | undefined;
  return () => {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  };
}

/** Runs a query with a time limit; rejects when it has passed, even if the query ignores its signal. */
async function answerOf<T>(ms: number, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  try {
    return await withTimeout(ms, signal => unlessAborted(ask(signal), signal));
  } catch (error) {
    throw error instanceof PdiskError ? error : errorOf('POOL_UNAVAILABLE', { detail: reasonOf(error) });
  }
}

/**
 * The pool with a mutex for each volume, slots for its changes and time limits for its queries. All its
 * errors are `PdiskError`s.
 */
export function bounded(pool: Pool, bounds: Bounds): Pool {
  const { atOnce, waiting, questionMs = QUESTION_MS, hungMs = HUNG_MS } = bounds;
  const takeTurn = keyedMutex();
  const takeSlot = slots(atOnce);
  let queued = 0;
  const check = shared(pool.check);
  const use = shared(pool.use);

  /**
   * Runs one change of a volume at a time. A change that has begun holds the mutex and its slot until it has
   * ended, also after its signal is aborted. Between two retries it gives up its slot.
   */
  async function inTurn<T>(
    when: { readonly urgent: boolean; readonly begin: AbortSignal; readonly signal: AbortSignal },
    uuid: string,
    work: () => Promise<T>,
  ): Promise<T> {
    const endTurn = await takeTurn(uuid, when.begin);
    try {
      let free = await takeSlot(when.urgent, when.begin);
      for (let ms = FIRST_PAUSE_MS; ; ms = Math.min(LONGEST_PAUSE_MS, 2 * ms)) {
        const passing = await work()
          .catch(error => {
            if (error instanceof Passing) return error;
            throw error;
          })
          .finally(free);
        if (!(passing instanceof Passing)) return passing;
        await pause(ms, when.signal);
        free = await takeSlot(true, when.signal).catch(() => {
          throw passing.why;
        });
      }
    } finally {
      endTurn();
    }
  }

  /** Throws POOL_BUSY, with nothing begun, if too many changes wait or its turn does not come in time. */
  async function whereThereIsRoom<T>(
    when: { readonly begin: AbortSignal; readonly signal: AbortSignal },
    disk: string,
    work: () => Promise<T>,
  ): Promise<T> {
    if (queued >= waiting + atOnce) {
      throw errorOf('POOL_BUSY', { disk, detail: `${queued} changes are before it` });
    }
    queued += 1;
    let begun = false;
    try {
      return await inTurn({ ...when, urgent: false }, disk, () => {
        begun = true;
        return work();
      });
    } catch (error) {
      if (begun && !(error instanceof NotBegun)) throw error;
      throw errorOf('POOL_BUSY', { disk, detail: 'its turn did not come in time' });
    } finally {
      queued -= 1;
    }
  }

  const listing = <T>(ask: () => Promise<T>): Promise<T> =>
    answerOf(questionMs, async signal => {
      const end = await takeTurn(LISTS, signal);
      return ask().finally(end);
    });

  async function wipe(uuid: string, from: number, signal: AbortSignal) {
    const endTurn = await takeTurn(uuid, signal);
    const endLane = await takeTurn(WIPER, signal).catch(error => {
      endTurn();
      throw error;
    });
    const stopping = new AbortController();
    const onAbort = (): void => stopping.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const wiping = pool.wipe(uuid, from, stopping.signal).finally(() => {
      signal.removeEventListener('abort', onAbort);
      endTurn();
    });
    return withTimeout(hungMs, hung => unlessAborted(wiping, hung)).finally(() => {
      endLane();
      stopping.abort(new Error('it took too long'));
    });
  }

  return {
    ...pool,
    create: (uuid, sizeGiB, signal, begin = signal) =>
      whereThereIsRoom({ begin, signal }, uuid, () => pool.create(uuid, sizeGiB, signal, begin)),
    resize: (uuid, sizeGiB, signal, begin = signal) =>
      whereThereIsRoom({ begin, signal }, uuid, () => pool.resize(uuid, sizeGiB, signal, begin)),

    // Removals go first: they free space and undo failed creations.
    delete: (uuid, signal) =>
      inTurn({ urgent: true, begin: signal, signal }, uuid, () => pool.delete(uuid, signal)).catch(error => {
        throw error instanceof PdiskError
          ? error
          : errorOf('REMOVE_FAILED', { disk: uuid, detail: reasonOf(error) });
      }),

    wipe: (uuid, from, signal) =>
      wipe(uuid, from, signal).catch(error => {
        throw error instanceof PdiskError
          ? error
          : errorOf('WIPE_FAILED', { disk: uuid, detail: reasonOf(error) });
      }),

    async sizeOf(uuid, signal) {
      try {
        const endTurn = await takeTurn(uuid, signal);
        return await unlessAborted(pool.sizeOf(uuid, signal).finally(endTurn), signal);
      } catch (error) {
        throw error instanceof PdiskError ? error : errorOf('POOL_UNAVAILABLE', { detail: reasonOf(error) });
      }
    },

    // One list at a time, so that lists that hang do not accumulate.
    list: () => listing(pool.list),
    strangers: () => listing(pool.strangers),
    check: () => answerOf(Math.min(CHECK_MS, questionMs), check),
    promisableBytes: () => answerOf(questionMs, pool.promisableBytes),
    use: () => answerOf(questionMs, use),
  };
}
