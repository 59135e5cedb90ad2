import { join } from 'node:path';
import type { z } from 'zod';
import { makeFolder } from '../data-folder.ts';
import { openDatabase } from './database.ts';
import { createGroupCommit, type GroupCommit } from './group-commit.ts';
import { type Head, openHead, readHead } from './head.ts';
import { eventKey, type Prefix } from './keys.ts';
import { eventRange, eventsBetween, loadAll } from './reading.ts';
import type { EventRecord } from './records.ts';
import { createReserve, lookAfter } from './reserve.ts';
import { beginWith, lossBeforeOpening, lossBehind, markOf, salvage } from './wholeness.ts';

export interface Store extends GroupCommit {
  /** Every record under a prefix, in key order, checked by its codec. Throws a sentence that names the key of a damaged one. */
  load<Schema extends z.ZodType>(prefix: Prefix, codec: Schema): Promise<z.infer<Schema>[]>;
  /** The first and the last sequence number in the event log, which has no gaps; 1 and 0 where it is empty. */
  eventRange(): Promise<{ readonly oldest: number; readonly newest: number }>;
  /** Events with `after` < sequence <= `upTo`, at most `limit` of them, in order. Throws a sentence for a damaged one. */
  events(after: number, upTo: number, limit: number): Promise<EventRecord[]>;
  /** Removes the events from the first to the last, durably. */
  forgetEvents(first: number, last: number): Promise<void>;
  /** Whether there is so little room that only what frees some should be written. */
  isShort(): boolean;
  /** Waits for what is being written, then closes. */
  close(): Promise<void>;
}

export interface StoreOptions {
  /** The folder of the database `db`, of its `head` and its `reserve`; made if missing. One process at a time: LevelDB holds a lock. */
  readonly directory: string;
  /** Told once, of the first batch that failed; the process must stop taking changes and end. */
  readonly onFailure: (error: Error) => void;
  /** Told of every batch that is on disk: how many keys it wrote, and how long that took. */
  readonly onBatch?: (writes: number, seconds: number) => void;
  /** Files that are only where there was a database. */
  readonly traces?: readonly string[];
  /** Whether a database that has lost something is taken as it is. */
  readonly acceptLoss?: boolean;
  /** Told what was lost and accepted, and of room that runs short and comes back, a sentence each. */
  readonly warn?: (sentence: string) => void;
}

/**
 * Opens the database, after it has been checked that nothing of it is missing. Throws a sentence where it is in use, damaged, less than it was,
 * or of a newer pdisk.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { directory, onFailure, onBatch, traces = [], acceptLoss = false, warn = () => {} } = options;
  const [location, headFile] = [join(directory, 'db'), join(directory, 'head')];
  await makeFolder(directory, 0o700);

  function accept(loss: string | undefined): void {
    if (loss === undefined) return;
    if (!acceptLoss) throw new Error(loss);
    warn(`taken as it is, by --accept-loss: ${loss}`);
  }

  const reserve = createReserve(directory, join(directory, 'reserve'));
  const headBefore = await readHead(headFile).catch(error => accept(error.message));
  const loss = await lossBeforeOpening(location, [headFile, ...traces]);
  accept(loss);
  if (loss !== undefined) await salvage(location);
  const database = await openDatabase(location, reserve);

  async function prepared(): Promise<Head> {
    const before = await database.read(db => markOf(db));
    if (loss === undefined && headBefore) accept(lossBehind(location, before, headBefore));
    if (!headBefore && before && before.batch > 0)
      warn(`${headFile} is missing: it cannot be told whether ${location} ends where it ended`);
    return openHead(headFile, before ?? (await beginWith(database)));
  }

  const head = await prepared().catch(async error => {
    await database.close();
    throw error;
  });
  const journal = createGroupCommit(async writes => {
    const begun = performance.now();
    const mark = { ...head.mark(), batch: head.mark().batch + 1 };
    await database.write(writes, mark);
    head.advance(mark);
    onBatch?.(writes.length, (performance.now() - begun) / 1000);
  }, onFailure);
  const stopLooking = await lookAfter(reserve, directory, warn);

  return {
    ...journal,
    load: (prefix, codec) => database.read(db => loadAll(db, prefix, codec)),
    eventRange: () => database.read(eventRange),
    events: (after, upTo, limit) => database.read(db => eventsBetween(db, after, upTo, limit)),
    forgetEvents(first, last) {
      const writes = Array.from({ length: last - first + 1 }, (_, index) => first + index);
      return journal.commit(writes.map(sequence => ({ key: eventKey(sequence), value: undefined })));
    },
    isShort: reserve.isShort,
    async close() {
      await journal.flushed().catch(() => {});
      await stopLooking();
      await database.close();
      await head.close();
    },
  };
}
