import type { EventRecord } from '../store/records.ts';
import type { EventLog } from './log.ts';

/**
 * How many of the newest events are searched for those of one disk. The log has no index by disk: an index
 * would cost every change a write, and a disk's history is only read by people. The search takes less than 1
 * ms in memory; after a restart, from the disk, about 100 ms in chunks.
 */
const REACH = 4096;
const CHUNK = 256;

/** The newest events of one disk. */
export interface DiskHistory {
  /** No event of the disk from this sequence on is missing. */
  readonly since: number;
  /** The newest events of the disk, oldest first. */
  readonly events: readonly EventRecord[];
}

/** The newest events of one disk, at most `most`, among the newest `REACH` of the log. */
export async function diskHistory(log: EventLog, uuid: string, most: number): Promise<DiskHistory> {
  const newest = log.newest();
  const since = Math.max(log.oldest(), newest - REACH + 1);
  const found: EventRecord[] = [];
  let after = since - 1;
  while (after < newest) {
    const chunk = log.recent(after, CHUNK) ?? (await log.stored(after));
    const last = chunk.at(-1);
    if (!last) break;
    found.push(...chunk.filter(({ subject }) => subject === uuid));
    after = last.sequence;
  }
  const events = found.slice(-most);
  return { since: events.length < found.length ? (events[0]?.sequence ?? since) : since, events };
}
