// The store of a service that does not run.
import { link, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import { syncFolder } from '../lib/durable-file.ts';
import { isMissing } from '../lib/missing.ts';
import { type BackupHeader, type Entry, metaOf } from './backup.ts';
import type { Db } from './database.ts';
import { readHead } from './head.ts';
import type { RecordKind } from './record-kind.ts';
import { checkVersions, FORMAT } from './versions.ts';
import { lossBeforeOpening, lossSince, markOf } from './wholeness.ts';

const IN_USE = 'another process has it open; end that first';

const codeOf = (error: unknown): unknown => ((error as Error).cause as { code?: unknown } | undefined)?.code;

async function open(directory: string, createIfMissing: boolean): Promise<Db> {
  const db: Db = new Level(directory, { keyEncoding: 'utf8', valueEncoding: 'json', createIfMissing });
  try {
    await db.open();
    return db;
  } catch (error) {
    const why = codeOf(error) === 'LEVEL_LOCKED' ? IN_USE : String((error as Error).cause ?? error);
    throw new Error(`the store ${directory} cannot be opened: ${why}`);
  }
}

/**
 * Opens the database of a data folder to read it; nothing but LevelDB writes to it. Throws a sentence where
 * there is none, where it has lost something, is in use, or was written by a newer pdisk.
 */
export async function openToRead(
  dataDir: string,
  kinds: readonly RecordKind[],
  traces: readonly string[],
): Promise<Db> {
  const [location, headFile] = [join(dataDir, 'db'), join(dataDir, 'head')];
  const loss = await lossBeforeOpening(location, [headFile, ...traces]);
  if (loss !== undefined) throw new Error(loss);
  const db = await open(location, false);
  try {
    await checkVersions(db, kinds);
    const head = await readHead(headFile);
    const lost = head && lossSince(location, await markOf(db), head);
    if (lost !== undefined) throw new Error(lost);
    return db;
  } catch (error) {
    await db.close();
    throw error;
  }
}

/**
 * Takes the lock of a database without opening it, since opening changes a damaged one. LevelDB locks the file
 * LOCK (fcntl(2), by inode), so another database with a link to it cannot be opened meanwhile. Resolves with
 * the function that gives it back; throws a sentence while the database is in use.
 */
export async function lockDatabase(dataDir: string): Promise<() => Promise<void>> {
  const scratch = await mkdtemp(join(dataDir, 'lock-'));
  try {
    await link(join(dataDir, 'db', 'LOCK'), join(scratch, 'LOCK')).catch(error => {
      if (!isMissing(error)) throw error;
    });
    const db = await open(scratch, true).catch(error => {
      throw codeOf(error) === 'LEVEL_LOCKED' || String(error).includes(IN_USE)
        ? new Error(`the store ${join(dataDir, 'db')} is in use: ${IN_USE}`)
        : error;
    });
    return async () => {
      await db.close();
      await rm(scratch, { recursive: true, force: true });
    };
  } catch (error) {
    await rm(scratch, { recursive: true, force: true });
    throw error;
  }
}

/** A database that is being made. */
export interface NewDatabase {
  add(entries: readonly Entry[]): Promise<void>;
  /** Makes everything durable, and closes the database. */
  finish(header: BackupHeader): Promise<void>;
  /** Closes and removes it. */
  discard(): Promise<void>;
}

/** Makes a database in a new folder, from a backup. */
export async function makeDatabase(directory: string): Promise<NewDatabase> {
  await rm(directory, { recursive: true, force: true });
  const db = await open(directory, true);
  const put = (entries: readonly Entry[]): Promise<void> => {
    const batch = db.batch();
    for (const [key, value] of entries) batch.put(key, value);
    return batch.write();
  };
  return {
    add: put,
    async finish(header) {
      await put(metaOf(header, FORMAT));
      await db.close();
      // A synced write covers LevelDB's newest log only.
      await syncFolder(directory);
    },
    async discard() {
      await db.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
