import { chmod, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import type { Write } from './group-commit.ts';
import type { Mark } from './head.ts';
import { MARK_KEY } from './keys.ts';
import type { Reserve } from './reserve.ts';

/** An open LevelDB database of JSON values. */
export type Db = Level<string, unknown>;

/** A LevelDB database that goes on when its file system is full, for as long as the reserve lasts. */
export interface Database {
  /**
   * Writes a batch and the mark atomically and durably (fsync). Calls must not overlap. When the file system
   * is full, the reserve is released and the same batch is written once more.
   */
  write(writes: readonly Write[], mark: Mark): Promise<void>;
  /** Reads; a read that failed because the database was reopened meanwhile is repeated. */
  read<T>(use: (db: Db) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** The code of LevelDB's error where another process has the database open. */
export const LOCKED = 'LEVEL_LOCKED';

/** The part of LevelDB's message that is in the words of strerror(3). */
const NO_ROOM = /No space left on device|Disk quota exceeded/;

const hasNoRoom = (error: unknown): boolean =>
  error instanceof Error && (NO_ROOM.test(error.message) || hasNoRoom(error.cause));

/**
 * LevelDB creates its files as the umask allows, and early versions of pdisk left them readable for
 * everybody.
 */
async function makePrivate(directory: string): Promise<void> {
  await chmod(directory, 0o700);
  for (const entry of await readdir(directory, { withFileTypes: true }))
    await chmod(join(directory, entry.name), entry.isDirectory() ? 0o700 : 0o600);
}

/** A range without keys: compacting it writes only the memory table, which is empty after opening. */
const PAST_ALL_KEYS = '\uffff';

/**
 * LevelDB starts its background thread at the first compaction, and aborts the process where the thread
 * cannot be created. An empty compaction at the start makes that happen before anything is served. The thread
 * is shared by all databases of the process and never ends.
 */
async function beginThread(db: Db): Promise<void> {
  // `Level` is a ClassicLevel in Node.js and has this method; its types are those of browsers as well.
  const { compactRange } = db as Db & { compactRange(start: string, end: string): Promise<void> };
  await compactRange.call(db, PAST_ALL_KEYS, PAST_ALL_KEYS);
}

/**
 * Opens a database, creating it if it is missing. Throws a sentence where it is in use (then the code of the
 * error's cause is `LOCKED`) or damaged. LevelDB's files are made unreadable for others, whatever their modes
 * were.
 */
export async function openDatabase(directory: string, reserve: Reserve): Promise<Database> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await makePrivate(directory);
  const db: Db = new Level(directory, { keyEncoding: 'utf8', valueEncoding: 'json' });
  let opening: Promise<void> = db.open().catch(openWithReserve);
  await opening.catch(error => {
    const cause = error.cause ?? error;
    const why = cause.code === LOCKED ? 'another process has it open' : cause.message;
    throw new Error(`the store ${directory} cannot be opened: ${why}`, { cause });
  });
  await beginThread(db);
  let opened = 1;

  async function openWithReserve(error: unknown): Promise<void> {
    if (!hasNoRoom(error) || !(await reserve.spend())) throw error;
    await db.open();
  }

  /**
   * Reopens the database after a failed write: the content of LevelDB's log is unknown then, and entries
   * behind a broken one could be lost. Only opening begins a new log.
   */
  async function reopen(): Promise<void> {
    await db.close();
    await db.open();
    opened += 1;
  }

  /** A chained batch: an array batch takes ten times as long per entry. */
  async function attempt(writes: readonly Write[], mark: Mark): Promise<void> {
    const batch = db.batch();
    for (const { key, value } of writes) {
      if (value === undefined) batch.del(key);
      else batch.put(key, value);
    }
    batch.put(MARK_KEY, mark);
    await batch.write({ sync: true });
  }

  return {
    async write(writes, mark) {
      try {
        await attempt(writes, mark);
      } catch (error) {
        if (!hasNoRoom(error) || !(await reserve.spend())) throw error;
        opening = reopen();
        await opening;
        await attempt(writes, mark);
        // At once, before others use the space that is left of the reserve.
        void reserve.look(true).catch(() => {});
      }
    },
    async read(use) {
      await opening;
      const before = opened;
      try {
        return await use(db);
      } catch (error) {
        await opening;
        if (opened === before) throw error;
        return use(db);
      }
    },
    async close() {
      await opening.catch(() => {});
      await db.close();
    },
  };
}
