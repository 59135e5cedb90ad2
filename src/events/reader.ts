// One mechanism for everybody: a cursor over the log. Who keeps up is served from memory, who does not (a replay, a slow client)
// from the disk at its own pace, and the way from one to the other is a comparison of numbers: no seam, no gap, no double.
import type { EventRecord } from '../store/records.ts';
import type { EventLog } from './log.ts';

export interface Reader {
  /** The sequence up to which everything has been read. */
  cursor(): number;
  /** Reads on, at most `limit` events, giving each to `take` until that says false. Whether there is more to read at once. */
  turn(limit: number, take: (event: EventRecord) => boolean): boolean;
}

/** Reads on after a sequence. `ready` is called when a read from the disk has ended, `lost` when history does not reach back so far. */
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
