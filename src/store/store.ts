import { Level } from 'level';
import type { z } from 'zod';
import { createJournal, type Journal, type Write } from './journal.ts';
import { FORMAT_KEY, type Prefix, prefixes } from './keys.ts';

const FORMAT = 1;

export interface Store extends Journal {
  /** Every record under a prefix, in key order, checked by its codec. Throws a sentence that names the key of a damaged one. */
  load<Schema extends z.ZodType>(prefix: Prefix, codec: Schema): Promise<z.infer<Schema>[]>;
  /** The sequence number of the newest event in the log, 0 where there is none. */
  lastSequence(): Promise<number>;
  /** Waits for what is being written, then closes. */
  close(): Promise<void>;
}

export interface StoreOptions {
  /** Folder of the LevelDB database; made if missing. One process at a time: LevelDB holds a lock. */
  readonly directory: string;
  /** Told once, of the first batch that failed; the process must stop taking changes and end. */
  readonly onFailure: (error: Error) => void;
}

/** Opens the database and checks its format. Throws a sentence where it is in use, damaged or of a newer pdisk. */
export async function openStore({ directory, onFailure }: StoreOptions): Promise<Store> {
  const db = new Level<string, unknown>(directory, { keyEncoding: 'utf8', valueEncoding: 'json' });
  await db.open().catch(error => {
    const cause = error.cause ?? error;
    const why = cause.code === 'LEVEL_LOCKED' ? 'another process has it open' : cause.message;
    throw new Error(`the store ${directory} cannot be opened: ${why}`);
  });
  await checkFormat(db, directory);
  const journal = createJournal(writes => writeBatch(db, writes), onFailure);

  return {
    ...journal,
    async load(prefix, codec) {
      const records = [];
      for await (const [key, value] of db.iterator({ gte: prefix, lt: `${prefix}\uffff` })) {
        const record = codec.safeParse(value);
        if (!record.success)
          throw new Error(`the record ${key} in ${directory} is damaged: ${record.error.message}`);
        records.push(record.data);
      }
      return records;
    },
    async lastSequence() {
      const range = { gte: prefixes.event, lt: `${prefixes.event}\uffff`, reverse: true, limit: 1 };
      const [key] = await db.keys(range).all();
      return key === undefined ? 0 : Number(key.slice(prefixes.event.length));
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
