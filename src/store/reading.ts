import type { z } from 'zod';
import type { Db } from './database.ts';
import { type LogPrefix, logKey, type Prefix, sequenceOf } from './keys.ts';

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

/** The first and the last sequence number of a log; 1 and 0 where it is empty. */
export async function logRange(
  db: Db,
  prefix: LogPrefix,
): Promise<{ readonly oldest: number; readonly newest: number }> {
  const range = { gte: prefix, lt: `${prefix}\uffff`, limit: 1 };
  const [[first], [last]] = await Promise.all([
    db.keys(range).all(),
    db.keys({ ...range, reverse: true }).all(),
  ]);
  return { oldest: first ? sequenceOf(first) : 1, newest: last ? sequenceOf(last) : 0 };
}

/**
 * At most `limit` entries of a log with `after` < sequence <= `upTo`, in order. Throws a sentence for a
 * damaged entry.
 */
export async function logBetween<Schema extends z.ZodType>(
  db: Db,
  prefix: LogPrefix,
  schema: Schema,
  { after, upTo, limit }: { readonly after: number; readonly upTo: number; readonly limit: number },
): Promise<z.infer<Schema>[]> {
  const range = { gt: logKey(prefix, after), lte: logKey(prefix, upTo), limit };
  const values = await db.values(range).all();
  return values.map((value, index) => {
    const entry = schema.safeParse(value);
    if (entry.success) return entry.data;
    const where = `an entry of ${prefix} after ${after + index} in ${db.location}`;
    throw new Error(`${where} is damaged: ${entry.error.message}`);
  });
}
