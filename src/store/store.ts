import { Level } from 'level';
import type { z } from 'zod';
import { createJournal, type Journal, type Write } from './journal.ts';
import { eventKey, FORMAT_KEY, type Prefix, prefixes, sequenceOf } from './keys.ts';
import { codecs, type EventRecord } from './records.ts';

const FORMAT = 1;
/** How many records are read at a time, and how many bytes: one by one they would take twice as long. */
const CHUNK = { records: 1000, bytes: 2 ** 20 };

export interface Store extends Journal {
  /** Every record under a prefix, in key order, checked by its codec. Throws a sentence that names the key of a damaged one. */
  load<Schema extends z.ZodType>(prefix: Prefix, codec: Schema): Promise<z.infer<Schema>[]>;
  /** The first and the last sequence number in the event log, which has no gaps; 1 and 0 where it is empty. */
  eventRange(): Promise<{ readonly oldest: number; readonly newest: number }>;
  /** Events with `after` < sequence <= `upTo`, at most `limit` of them, in order. Throws a sentence for a damaged one. */
  events(after: number, upTo: number, limit: number): Promise<EventRecord[]>;
  /** Removes the events from the first to the last, durably. */
  forgetEvents(first: number, last: number): Promise<void>;
  /** Waits for what is being written, then closes. */
  close(): Promise<void>;
}

export interface StoreOptions {
  /** Folder of the LevelDB database; made if missing. One process at a time: LevelDB holds a lock. */
  readonly directory: string;
  /** Told once, of the first batch that failed; the process must stop taking changes and end. */
  readonly onFailure: (error: Error) => void;
  /** Told of every batch that is on disk: how many keys it wrote, and how long that took. */
  readonly onBatch?: (writes: number, seconds: number) => void;
}

/** Opens the database and checks its format. Throws a sentence where it is in use, damaged or of a newer pdisk. */
export async function openStore({ directory, onFailure, onBatch }: StoreOptions): Promise<Store> {
  const db = new Level<string, unknown>(directory, { keyEncoding: 'utf8', valueEncoding: 'json' });
  await db.open().catch(error => {
    const cause = error.cause ?? error;
    const why = cause.code === 'LEVEL_LOCKED' ? 'another process has it open' : cause.message;
    throw new Error(`the store ${directory} cannot be opened: ${why}`);
  });
  await checkFormat(db, directory);
  const journal = createJournal(async writes => {
    const begun = performance.now();
    await writeBatch(db, writes);
    onBatch?.(writes.length, (performance.now() - begun) / 1000);
  }, onFailure);

  return {
    ...journal,
    async load(prefix, codec) {
      const records = [];
      const range = { gte: prefix, lt: `${prefix}\uffff` };
      const iterator = db.iterator({ ...range, highWaterMarkBytes: CHUNK.bytes, fillCache: false });
      try {
        let reading = iterator.nextv(CHUNK.records);
        for (;;) {
          const entries = await reading;
          if (entries.length === 0) return records;
          // Read while these are checked.
          reading = iterator.nextv(CHUNK.records);
          reading.catch(() => {});
          for (const [key, value] of entries) {
            const record = codec.safeParse(value);
            if (!record.success)
              throw new Error(`the record ${key} in ${directory} is damaged: ${record.error.message}`);
            records.push(record.data);
          }
        }
      } finally {
        await iterator.close();
      }
    },
    async eventRange() {
      const range = { gte: prefixes.event, lt: `${prefixes.event}\uffff`, limit: 1 };
      const [[first], [last]] = await Promise.all([
        db.keys(range).all(),
        db.keys({ ...range, reverse: true }).all(),
      ]);
      return { oldest: first ? sequenceOf(first) : 1, newest: last ? sequenceOf(last) : 0 };
    },
    async events(after, upTo, limit) {
      const values = await db.values({ gt: eventKey(after), lte: eventKey(upTo), limit }).all();
      return values.map((value, index) => {
        const event = codecs.event.safeParse(value);
        if (event.success) return event.data;
        throw new Error(`an event after ${after + index} in ${directory} is damaged: ${event.error.message}`);
      });
    },
    forgetEvents(first, last) {
      const writes = Array.from({ length: last - first + 1 }, (_, index) => first + index);
      return journal.commit(writes.map(sequence => ({ key: eventKey(sequence), value: undefined })));
    },
    async close() {
      await journal.flushed().catch(() => {});
      await db.close();
    },
  };
}

async function checkFormat(db: Level<string, unknown>, directory: string): Promise<void> {
  const format = await db.get(FORMAT_KEY);
  if (format === FORMAT) return;
  if (format !== undefined) {
    throw new Error(`the store ${directory} has format ${String(format)}; this pdisk reads format ${FORMAT}`);
  }
  await db.put(FORMAT_KEY, FORMAT, { sync: true });
}

/** A chained batch: an array batch costs ten times the time per entry. */
async function writeBatch(db: Level<string, unknown>, writes: readonly Write[]): Promise<void> {
  const batch = db.batch();
  for (const { key, value } of writes) {
    if (value === undefined) batch.del(key);
    else batch.put(key, value);
  }
  await batch.write({ sync: true });
}
