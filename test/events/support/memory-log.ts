import { type EventLog, openEventLog } from '../../../src/events/log.ts';
import type { EventRecord } from '../../../src/store/records.ts';

/** The id of every account of an `eventSite`. */
export const ACCOUNT_ID = 'an id';

const UUID = 'eb198dec-3560-4a9a-b3b4-5f043410a3dd';

/** An event of a public disk of `alice`, with the fields of `more` instead of the usual ones. */
export const change = (sequence: number, more: Partial<EventRecord> = {}): EventRecord => ({
  v: 1,
  sequence,
  time: Date.now(),
  type: 'disk.updated',
  subject: UUID,
  disk: {
    uuid: UUID,
    owner: 'alice',
    ownerId: ACCOUNT_ID,
    tag: 'a disk',
    visibility: 'public',
    sizeGiB: 1,
    created: Date.UTC(2011, 6, 28, 15, 1, 40),
    users: 0,
    limit: 1,
  },
  attachment: null,
  from: 'available',
  to: 'available',
  deadline: null,
  progress: null,
  cause: { kind: 'reconciliation' },
  ...more,
});

/** An event log over a store in memory; `stored` holds the durable events. */
export async function memoryLog(before: readonly EventRecord[] = []): Promise<{
  readonly log: EventLog;
  readonly stored: Map<number, EventRecord>;
  /** Makes the next event durable and publishes it. */
  add(more?: Partial<EventRecord>): EventRecord;
}> {
  const stored = new Map(before.map(event => [event.sequence, event]));
  const log = await openEventLog({
    async eventRange() {
      const sequences = [...stored.keys()];
      return { oldest: sequences[0] ?? 1, newest: sequences.at(-1) ?? 0 };
    },
    async events(after, upTo, limit) {
      const within = [...stored.values()].filter(({ sequence }) => sequence > after && sequence <= upTo);
      return within.slice(0, limit);
    },
    async forgetEvents(first, last) {
      for (let sequence = first; sequence <= last; sequence += 1) stored.delete(sequence);
    },
  });
  return {
    log,
    stored,
    add(more = {}) {
      const event = change(log.newest() + 1, more);
      stored.set(event.sequence, event);
      log.publish([event]);
      return event;
    },
  };
}
