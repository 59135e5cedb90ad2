import { setTimeout as delay } from 'node:timers/promises';

/** A log whose old entries can be deleted. */
interface Trimmed {
  /** The sequences of the oldest and the newest entry. */
  oldest(): number;
  newest(): number;
  /** Some entries after a sequence, from the disk. */
  stored(after: number): Promise<readonly { readonly sequence: number; readonly time: number }[]>;
  /** Deletes the oldest entries up to this sequence, but never the newest. */
  forget(upTo: number): Promise<void>;
}

/** How many events are deleted in one batch; limits how long a commit may have to wait for it. */
const BATCH = 1000;
const INTERVAL_MS = 10_000;

/** The background task that deletes old entries of a log. */
export interface Retention {
  /** Deletes all events beyond the limits; resolves when they are gone. */
  trim(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Limits the log by number and age (`ageMs`, by the clock `now`, both in milliseconds), in the background.
 * `failed` is called when a pass fails.
 */
export function startRetention(parts: {
  readonly log: Trimmed;
  readonly events: number;
  readonly ageMs: number;
  readonly now: () => number;
  readonly failed: (error: unknown) => void;
}): Retention {
  const { log, events, ageMs, now, failed } = parts;
  const stopping = new AbortController();

  /**
   * The last sequence of the next batch to delete; smaller than the oldest where there is nothing to delete.
   */
  async function next(): Promise<number> {
    const [oldest, newest] = [log.oldest(), log.newest()];
    const tooMany = newest - oldest + 1 - events;
    if (tooMany > 0) return oldest + Math.min(tooMany, BATCH) - 1;
    const eldest = await log.stored(oldest - 1);
    const young = eldest.find(event => event.time >= now() - ageMs);
    return (young?.sequence ?? oldest + eldest.length) - 1;
  }

  let trimming: Promise<void> | undefined;

  async function pass(): Promise<void> {
    while (!stopping.signal.aborted) {
      const last = Math.min(await next(), log.newest() - 1);
      if (last < log.oldest()) return;
      await log.forget(last);
    }
  }

  function trim(): Promise<void> {
    trimming ??= pass().finally(() => {
      trimming = undefined;
    });
    return trimming;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await trim().catch(failed);
      await delay(INTERVAL_MS, undefined, { signal: stopping.signal, ref: false }).catch(() => {});
    }
  }

  const running = run();
  return {
    trim,
    stop() {
      stopping.abort();
      return running;
    },
  };
}
