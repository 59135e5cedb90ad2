import type { EventRecord } from '../store/records.ts';
import type { EventLog } from './log.ts';

/**
 * How many of the newest events are searched for those of one disk. The log has no index by disk: one would cost every change a
 * write, and this is for people who look. In memory it takes less than 1 ms; after a restart, from the disk, some 100 ms in pieces.
 */
const REACH = 4096;
const CHUNK = 256;

export interface DiskHistory {
  /** From this sequence on, nothing of the disk is missing. */
  readonly since: number;
  /** The newest, oldest first. */
  readonly events: readonly EventRecord[];
}

/** The newest events of one disk, at most `most`, among the newest of the log. */
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
