// What is asked of a pool waits here, in memory, where waiting costs nothing: for its volume, for a slot, and, where what it needs is in use
// or locked, for a better moment. What hangs keeps no more than its own slot, and no question outlives its deadline.
import { errorOf, PdiskError, reasonOf } from '../errors.ts';
import { keyedMutex, unlessAborted } from '../lib/keyed-mutex.ts';
import type { Pool } from './pool.ts';
import { slots } from './slots.ts';
import { NotBegun } from './threads.ts';
import { withTimeout } from './timeout.ts';

export interface Bounds {
  /** How many changes are at work at once. */
  readonly atOnce: number;
  /** How many creations and growths may wait; one more is refused. */
  readonly waiting: number;
  /** How long a question may take, in milliseconds. */
  readonly questionMs?: number;
  /** For how long the wiping of one piece holds up that of other volumes, in milliseconds. */
  readonly hungMs?: number;
}

/** Thrown by a pool where what it needs is in use or locked: it is tried again until time is up, and then `why` is thrown. */
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
/** A piece takes 20 s, and what has to be found out before it may wait for a lock. */
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

/** Whoever asks while somebody's question is being answered is given the same answer. */
function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let asking: Promise<T> | undefined;
  return () => {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  };
}

/** An answer within its time, whatever becomes of the question. */
async function answerOf<T>(ms: number, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  try {
    return await withTimeout(ms, signal => unlessAborted(ask(signal), signal));
  } catch (error) {
    throw error instanceof PdiskError ? error : errorOf('POOL_UNAVAILABLE', { detail: reasonOf(error) });
  }
}

/** The pool, with all that is asked of it in bounds. */
export function bounded(pool: Pool, bounds: Bounds): Pool {
  const { atOnce, waiting, questionMs = QUESTION_MS, hungMs = HUNG_MS } = bounds;
  const takeTurn = keyedMutex();
  const takeSlot = slots(atOnce);
  let queued = 0;
  const check = shared(pool.check);
  const use = shared(pool.use);

  /** One change of a volume at a time. One that was begun keeps its turn and its slot until it has really ended. */
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

  /** Refused, with nothing begun, where there is too much to do. */
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
    make: (uuid, sizeGiB, signal, begin = signal) =>
      whereThereIsRoom({ begin, signal }, uuid, () => pool.make(uuid, sizeGiB, signal, begin)),
    grow: (uuid, sizeGiB, signal, begin = signal) =>
      whereThereIsRoom({ begin, signal }, uuid, () => pool.grow(uuid, sizeGiB, signal, begin)),

    // First of all: it makes room, and undoes.
    remove: (uuid, signal) =>
      inTurn({ urgent: true, begin: signal, signal }, uuid, () => pool.remove(uuid, signal)).catch(error => {
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

    // One at a time: such as hang do not heap up.
    list: () => listing(pool.list),
    strangers: () => listing(pool.strangers),
    check: () => answerOf(Math.min(CHECK_MS, questionMs), check),
    promisableBytes: () => answerOf(questionMs, pool.promisableBytes),
    use: () => answerOf(questionMs, use),
  };
}
