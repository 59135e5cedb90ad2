import type { z } from 'zod';
import type { Db } from './database.ts';
import { type LogPrefix, logKey, sequenceOf } from './keys.ts';
import { type RecordKind, readRecord } from './record-kind.ts';

/** How much is read at a time: reading record by record takes twice as long. */
const CHUNK = { records: 1000, bytes: 2 ** 20 };

/**
 * All records of a kind, in key order, migrated to the present version and checked. Throws a sentence with the
 * key of a record that is damaged or newer.
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
 * At most `limit` entries of a log with `after` < sequence <= `upTo`, in order, as `loadAll` reads records.
 * Throws a sentence for an entry that is damaged or newer.
 */
export async function logBetween<Schema extends z.ZodType>(
  db: Db,
  kind: RecordKind<Schema, LogPrefix>,
  { after, upTo, limit }: { readonly after: number; readonly upTo: number; readonly limit: number },
): Promise<z.infer<Schema>[]> {
  const range = { gt: logKey(kind.prefix, after), lte: logKey(kind.prefix, upTo), limit };
  const entries = await db.iterator(range).all();
  return entries.map(([key, value]) => readRecord(kind, key, value, db.location));
}
