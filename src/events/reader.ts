// All readers are cursors over the log. A reader that keeps up is served from memory; one that does not (a
// replay, a slow client) reads from the disk at its own pace. Which of them applies is a comparison of
// sequence numbers, so the change between them neither skips nor repeats an event.
import type { EventRecord } from '../store/records.ts';
import type { EventLog } from './log.ts';

/** A cursor over the event log. */
export interface Reader {
  /** The sequence up to which everything has been read. */
  cursor(): number;
  /**
   * Reads at most `limit` events, passing each to `take` until that returns false. Returns whether more can
   * be read at once.
   */
  turn(limit: number, take: (event: EventRecord) => boolean): boolean;
}

/**
 * Creates a reader after a sequence. `ready` is called when a read from the disk has ended, `lost` when the
 * log does not reach back that far, `failed` when the read failed.
 */
export function createReader(parts: {
  readonly log: EventLog;
  readonly after: number;
  readonly ready: () => void;
  readonly lost: () => void;
  readonly failed: (error: unknown) => void;
}): Reader {
  const { log } = parts;
  let cursor = parts.after;
  let chunk: readonly EventRecord[] = [];
  let next = 0;
  let reading = false;

  async function load(): Promise<void> {
    reading = true;
    try {
      chunk = await log.stored(cursor);
      next = 0;
      reading = false;
      if (chunk[0]?.sequence === cursor + 1) parts.ready();
      else parts.lost();
    } catch (error) {
      parts.failed(error);
    }
  }

  function turn(limit: number, take: (event: EventRecord) => boolean): boolean {
    if (reading) return false;
    for (let count = 0; count < limit; count += 1) {
      if (next >= chunk.length) {
        if (cursor === log.newest()) return false;
        const recent = log.recent(cursor, limit);
        next = 0;
        chunk = recent ?? [];
        if (!recent) {
          void load();
          return false;
        }
      }
      const event = chunk[next];
      if (!event) return false;
      next += 1;
      cursor = event.sequence;
      if (!take(event)) return true;
    }
    return true;
  }

  return { cursor: () => cursor, turn };
}
