import { join } from 'node:path';
import type { z } from 'zod';
import { makeFolder } from '../data-folder.ts';
import { type AboutBackup, backupOf } from './backup.ts';
import { LOCKED, openDatabase } from './database.ts';
import { createGroupCommit, type GroupCommit, type Write } from './group-commit.ts';
import { type Head, openHead, readHead } from './head.ts';
import { type LogPrefix, logKey, prefixes } from './keys.ts';
import { loadAll, logBetween, logRange } from './reading.ts';
import type { RecordKind } from './record-kind.ts';
import { type AuditRecord, type EventRecord, kinds as ownKinds } from './records.ts';
import { createReserve, maintainReserve } from './reserve.ts';
import { checkVersions, versionWrites } from './versions.ts';
import { clearUnbegun, firstMark, lossBeforeOpening, lossSince, markOf, salvage } from './wholeness.ts';

/** The database of the service: records by key, and the event log. */
export interface Store extends GroupCommit {
  /**
   * All records of a kind, in key order, migrated to the present version and checked. Throws a sentence with
   * the key of a record that is damaged or newer.
   */
  load<Schema extends z.ZodType>(kind: RecordKind<Schema>): Promise<z.infer<Schema>[]>;
  /**
   * The first and the last sequence number of the event log, which has no gaps; 1 and 0 where it is empty.
   */
  eventRange(): Promise<{ readonly oldest: number; readonly newest: number }>;
  /**
   * At most `limit` events with `after` < sequence <= `upTo`, in order. Throws a sentence for an event that
   * is damaged or newer.
   */
  events(after: number, upTo: number, limit: number): Promise<EventRecord[]>;
  /** Deletes the events from `first` to `last`, durably. */
  forgetEvents(first: number, last: number): Promise<void>;
  /** The audit, numbered like the event log. */
  readonly audit: {
    range(): Promise<{ readonly oldest: number; readonly newest: number }>;
    /** At most `limit` entries with `after` < sequence <= `upTo`, in order. Throws as `events` does. */
    between(after: number, upTo: number, limit: number): Promise<AuditRecord[]>;
    /** Deletes the entries from `first` to `last`, durably. */
    forget(first: number, last: number): Promise<void>;
  };
  /** The text of a backup of all that is on disk now; see `backupOf`. */
  backup(about: AboutBackup): AsyncIterable<string>;
  /** Whether space is so short that only deletions should be written. */
  isShort(): boolean;
  /** Waits for pending writes, then closes. */
  close(): Promise<void>;
}

/** How a store is opened. */
export interface StoreOptions {
  /**
   * The folder of the database `db`, its `head` and its `reserve`; created if missing. Only one process can
   * use it: LevelDB holds a lock.
   */
  readonly directory: string;
  /** Called once, for the first batch that failed; the process must then stop taking changes and exit. */
  readonly onFailure: (error: Error) => void;
  /** Called for every batch that is on disk, with the number of keys it wrote and the seconds it took. */
  readonly onBatch?: (writes: number, seconds: number) => void;
  /**
   * Files that exist only beside a database: one of them without a database means that the database was lost.
   */
  readonly traces?: readonly string[];
  /** Whether a database that has lost data is opened nevertheless. */
  readonly acceptLoss?: boolean;
  /**
   * The kinds of records that are known: a database with newer ones is refused before anything is written.
   */
  readonly kinds: readonly RecordKind[];
  /** Called with a sentence when loss is accepted, and when space runs short or is enough again. */
  readonly warn?: (sentence: string) => void;
}

/** Writes that delete the entries of a log from `first` to `last`. */
const erased = (prefix: LogPrefix, first: number, last: number): Write[] =>
  Array.from({ length: last - first + 1 }, (_, index) => ({
    key: logKey(prefix, first + index),
    value: undefined,
  }));

/**
 * Opens the database after checking that no part of it is missing. Throws a sentence where it is in use,
 * damaged, older than it was, or of a newer version of pdisk.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { directory, kinds, onFailure, onBatch } = options;
  const { traces = [], acceptLoss = false, warn = () => {} } = options;
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
  const database = await openDatabase(location, reserve).catch(async error => {
    if (error.cause?.code === LOCKED || !(await clearUnbegun(location, [headFile, ...traces]))) throw error;
    return openDatabase(location, reserve);
  });

  async function checkedHead(): Promise<Head> {
    await database.read(db => checkVersions(db, kinds));
    const before = await database.read(markOf);
    if (loss === undefined && headBefore) accept(lossSince(location, before, headBefore));
    if (!headBefore && before && before.batch > 0)
      warn(`${headFile} is missing: it cannot be told whether ${location} ends where it ended`);
    const writes = await database.read(db => versionWrites(db, kinds));
    const mark = before ? { ...before, batch: before.batch + (writes.length > 0 ? 1 : 0) } : firstMark();
    if (writes.length > 0) await database.write(writes, mark);
    return openHead(headFile, mark);
  }

  const head = await checkedHead().catch(async error => {
    await database.close();
    throw error;
  });
  const groupCommit = createGroupCommit(async writes => {
    const begun = performance.now();
    const mark = { ...head.mark(), batch: head.mark().batch + 1 };
    await database.write(writes, mark);
    head.advance(mark);
    onBatch?.(writes.length, (performance.now() - begun) / 1000);
  }, onFailure);
  const stopLooking = await maintainReserve(reserve, directory, warn);

  return {
    ...groupCommit,
    load: kind => database.read(db => loadAll(db, kind)),
    eventRange: () => database.read(db => logRange(db, prefixes.event)),
    events: (after, upTo, limit) =>
      database.read(db => logBetween(db, ownKinds.event, { after, upTo, limit })),
    forgetEvents: (first, last) => groupCommit.commit(erased(prefixes.event, first, last)),
    audit: {
      range: () => database.read(db => logRange(db, prefixes.audit)),
      between: (after, upTo, limit) =>
        database.read(db => logBetween(db, ownKinds.audit, { after, upTo, limit })),
      forget: (first, last) => groupCommit.commit(erased(prefixes.audit, first, last)),
    },
    async *backup(about) {
      yield* backupOf(await database.read(async db => db), about);
    },
    isShort: reserve.isShort,
    async close() {
      await groupCommit.flushed().catch(() => {});
      await stopLooking();
      await database.close();
      await head.close();
    },
  };
}
