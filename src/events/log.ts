import { createLru } from '../lib/lru.ts';
import type { EventRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';

/** The newest events are cached in memory: at least this many, at most twice as many. */
const RECENT = 8192;
/** How many events are read from the disk at a time; limits the memory that a slow client costs. */
const CHUNK = 256;
/**
 * How many chunks are cached: when a thousand subscribers fall behind together, each chunk is read once, not
 * a thousand times.
 */
const CHUNKS = 32;

/** The durable log of all changes, numbered without gaps. */
export interface EventLog {
  /** The sequence of the newest event that is on disk and visible in the disks' views; 0 before the first. */
  newest(): number;
  /** The sequence of the oldest event in the log; newest + 1 while the log is empty. */
  oldest(): number;
  /** Appends events that are durable now. Throws where they do not follow the newest event: a bug. */
  publish(events: readonly EventRecord[]): void;
  /**
   * At most `limit` events after a sequence, from memory; undefined where the cache does not reach back that
   * far.
   */
  recent(after: number, limit: number): readonly EventRecord[] | undefined;
  /**
   * Some events after a sequence, from the disk. Empty, or not beginning with `after` + 1, where the log does
   * not reach back that far.
   */
  stored(after: number): Promise<readonly EventRecord[]>;
  /** Registers a callback that is called after every `publish`. */
  onNews(listener: () => void): void;
  /**
   * Deletes the oldest events up to this sequence, durably. The newest event is never deleted: the next start
   * continues its numbering.
   */
  forget(upTo: number): Promise<void>;
}

/** Opens the event log of the store. */
export async function openEventLog(
  store: Pick<Store, 'eventRange' | 'events' | 'forgetEvents'>,
): Promise<EventLog> {
  const range = await store.eventRange();
  let { oldest, newest } = range;
  let recent: EventRecord[] = [];
  let firstRecent = newest + 1;
  const listeners: (() => void)[] = [];
  const chunks = createLru<number, Promise<readonly EventRecord[]>>(CHUNKS);

  /** The events from `start` + 1 to `start` + CHUNK. A complete chunk never changes, so it is cached. */
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
