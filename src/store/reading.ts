import type { z } from 'zod';
import type { Db } from './database.ts';
import { eventKey, type Prefix, prefixes, sequenceOf } from './keys.ts';
import { type EventRecord, recordSchemas } from './records.ts';

/** How much is read at a time: reading record by record takes twice as long. */
const CHUNK = { records: 1000, bytes: 2 ** 20 };

/**
 * All records under a prefix, in key order, checked by `schema`. Throws a sentence with the key of a damaged
 * record.
 */
export async function loadAll<Schema extends z.ZodType>(
  db: Db,
  prefix: Prefix,
  schema: Schema,
): Promise<z.infer<Schema>[]> {
  const records = [];
  const range = { gte: prefix, lt: `${prefix}\uffff` };
  const iterator = db.iterator({ ...range, highWaterMarkBytes: CHUNK.bytes, fillCache: false });
  try {
    let reading = iterator.nextv(CHUNK.records);
    for (;;) {
      const entries = await reading;
      if (entries.length === 0) return records;
      // Reads the next chunk while this one is checked.
      reading = iterator.nextv(CHUNK.records);
      reading.catch(() => {});
      for (const [key, value] of entries) {
        const record = schema.safeParse(value);
        if (!record.success)
          throw new Error(`the record ${key} in ${db.location} is damaged: ${record.error.message}`);
        records.push(record.data);
      }
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
 * At most `limit` events with `after` < sequence <= `upTo`, in order. Throws a sentence for a damaged event.
 */
export async function eventsBetween(
  db: Db,
  after: number,
  upTo: number,
  limit: number,
): Promise<EventRecord[]> {
  const values = await db.values({ gt: eventKey(after), lte: eventKey(upTo), limit }).all();
  return values.map((value, index) => {
    const event = recordSchemas.event.safeParse(value);
    if (event.success) return event.data;
    throw new Error(`an event after ${after + index} in ${db.location} is damaged: ${event.error.message}`);
  });
}
