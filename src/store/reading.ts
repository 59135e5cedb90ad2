import type { z } from 'zod';
import type { Db } from './database.ts';
import { eventKey, prefixes, sequenceOf } from './keys.ts';
import { type RecordKind, readRecord } from './record-kind.ts';
import { type EventRecord, kinds } from './records.ts';

/** How much is read at a time: reading record by record takes twice as long. */
const CHUNK = { records: 1000, bytes: 2 ** 20 };

/**
 * All records of a kind, in key order, migrated to the present version and checked. Throws a sentence with
 * the key of a record that is damaged or newer.
 */
export async function loadAll<Schema extends z.ZodType>(
  db: Db,
  kind: RecordKind<Schema>,
): Promise<z.infer<Schema>[]> {
  const records = [];
  const range = { gte: kind.prefix, lt: `${kind.prefix}\uffff` };
  const iterator = db.iterator({ ...range, highWaterMarkBytes: CHUNK.bytes, fillCache: false });
  try {
    let reading = iterator.nextv(CHUNK.records);
    for (;;) {
      const entries = await reading;
      if (entries.length === 0) return records;
      // Reads the next chunk while this one is checked.
      reading = iterator.nextv(CHUNK.records);
      reading.catch(() => {});
      for (const [key, value] of entries) records.push(readRecord(kind, key, value, db.location));
    }
  } finally {
    await iterator.close();
  }
}

/** The first and the last sequence number of the event log, which has no gaps; 1 and 0 where it is empty. */
export async function eventRange(db: Db): Promise<{ readonly oldest: number; readonly newest: number }> {
  const range = { gte: prefixes.event, lt: `${prefixes.event}\uffff`, limit: 1 };
  const [[first], [last]] = await Promise.all([
    db.keys(range).all(),
    db.keys({ ...range, reverse: true }).all(),
  ]);
  return { oldest: first ? sequenceOf(first) : 1, newest: last ? sequenceOf(last) : 0 };
}

/**
 * At most `limit` events with `after` < sequence <= `upTo`, in order. Throws a sentence for an event that is
 * damaged or newer.
 */
export async function eventsBetween(
  db: Db,
  after: number,
  upTo: number,
  limit: number,
): Promise<EventRecord[]> {
  const entries = await db.iterator({ gt: eventKey(after), lte: eventKey(upTo), limit }).all();
  return entries.map(([key, value]) => readRecord(kinds.event, key, value, db.location));
}
