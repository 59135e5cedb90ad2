import { createLru } from '../lib/lru.ts';
import type { EventRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';

/** How many of the newest events are kept in memory at least; at most twice as many are. */
const RECENT = 8192;
/** How many events are read from the disk at once: what a slow client costs. */
const CHUNK = 256;
/** How many chunks are kept: a thousand subscribers that fall behind together read the disk once and not a thousand times. */
const CHUNKS = 32;

/** The durable log of all changes, numbered without a gap. */
export interface EventLog {
  /** The newest event that is on disk and that readers of the disks see; 0 before the first. */
  newest(): number;
  /** The oldest event that can be had; one past the newest while there is none. */
  oldest(): number;
  /** Adds what has just become durable. Throws where it does not follow the newest: a bug. */
  publish(events: readonly EventRecord[]): void;
  /** Events after a sequence, at most `limit`, from memory; undefined where memory does not reach back so far. */
  recent(after: number, limit: number): readonly EventRecord[] | undefined;
  /** Some events after a sequence, from the disk. Empty, or not beginning with `after` + 1, where history does not reach back so far. */
  stored(after: number): Promise<readonly EventRecord[]>;
  /** Calls back after every `publish`. */
  onNews(listener: () => void): void;
  /** Removes the oldest events up to this one, durably. The newest is never removed: the next start counts on from it. */
  forget(upTo: number): Promise<void>;
}

/** Opens the log over what the store has of it. */
export async function openEventLog(
  store: Pick<Store, 'eventRange' | 'events' | 'forgetEvents'>,
): Promise<EventLog> {
  const range = await store.eventRange();
  let { oldest, newest } = range;
  let recent: EventRecord[] = [];
  let firstRecent = newest + 1;
  const listeners: (() => void)[] = [];
  const chunks = createLru<number, Promise<readonly EventRecord[]>>(CHUNKS);

  /** The events from `start` + 1 to `start` + CHUNK. Once they are all there they never change. */
  function chunkAt(start: number): Promise<readonly EventRecord[]> {
    const known = chunks.get(start);
    if (known) return known;
    const read = store.events(start, Math.min(start + CHUNK, newest), CHUNK);
    if (start + CHUNK > newest) return read;
    chunks.set(start, read);
    read.catch(() => chunks.delete(start));
    return read;
  }

  return {
    newest: () => newest,
    oldest: () => oldest,
    publish(events) {
      for (const event of events) {
        if (event.sequence !== newest + 1) throw new Error(`event ${event.sequence} came after ${newest}`);
        recent.push(event);
        newest = event.sequence;
      }
      if (recent.length > 2 * RECENT) {
        recent = recent.slice(-RECENT);
        firstRecent = newest - RECENT + 1;
      }
      for (const listener of listeners) listener();
    },
    recent(after, limit) {
      const start = after + 1 - firstRecent;
      return start < 0 ? undefined : recent.slice(start, start + limit);
    },
    async stored(after) {
      const events = await chunkAt(after - (after % CHUNK));
      return events.filter(event => event.sequence > after);
    },
    onNews: listener => {
      listeners.push(listener);
    },
    async forget(upTo) {
      const end = Math.min(upTo, newest - 1);
      if (end < oldest) return;
      const from = oldest;
      oldest = end + 1;
      await store.forgetEvents(from, end);
    },
  };
}
