import { chmod, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import type { Write } from './group-commit.ts';
import type { Mark } from './head.ts';
import { MARK_KEY } from './keys.ts';
import type { Reserve } from './reserve.ts';

export type Db = Level<string, unknown>;

/** A LevelDB database that goes on when its file system runs full, for as long as there is a reserve. */
export interface Database {
  /**
   * Puts a batch on stable storage, all of it or nothing, with the mark that it makes; one at a time. Where there is no room, the reserve is
   * given up and the same batch is written again, once.
   */
  write(writes: readonly Write[], mark: Mark): Promise<void>;
  /** Reads; again where the database was opened anew meanwhile. */
  read<T>(use: (db: Db) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** What LevelDB says in the words of strerror(3). */
const NO_ROOM = /No space left on device|Disk quota exceeded/;

const hasNoRoom = (error: unknown): boolean =>
  error instanceof Error && (NO_ROOM.test(error.message) || hasNoRoom(error.cause));

/** LevelDB makes its files as the umask allows; an older pdisk has made them for everybody to read. */
async function closeToOthers(directory: string): Promise<void> {
  await chmod(directory, 0o700);
  for (const entry of await readdir(directory, { withFileTypes: true }))
    await chmod(join(directory, entry.name), entry.isDirectory() ? 0o700 : 0o600);
}

/** Nothing is there: only what is in memory is compacted, which after opening is nothing. */
const PAST_ALL_KEYS = '\uffff';

/**
 * LevelDB begins its one thread when it first has something to compact, and ends the process where it may not: so it has something at the start,
 * before anything is served. The thread is for all databases of the process, and for good.
 */
async function beginThread(db: Db): Promise<void> {
  // ClassicLevel has it, which `Level` is in Node.js; its types are those of browsers, too.
  const { compactRange } = db as Db & { compactRange(start: string, end: string): Promise<void> };
  await compactRange.call(db, PAST_ALL_KEYS, PAST_ALL_KEYS);
}

/**
 * Opens a database; made if it is missing. Throws a sentence where it is in use or damaged. LevelDB's files are closed to everybody else,
 * whatever they were.
 */
export async function openDatabase(directory: string, reserve: Reserve): Promise<Database> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await closeToOthers(directory);
  const db: Db = new Level(directory, { keyEncoding: 'utf8', valueEncoding: 'json' });
  let opening: Promise<void> = db.open().catch(openWithReserve);
  await opening.catch(error => {
    const cause = error.cause ?? error;
    const why = cause.code === 'LEVEL_LOCKED' ? 'another process has it open' : cause.message;
    throw new Error(`the store ${directory} cannot be opened: ${why}`);
  });
  await beginThread(db);
  let opened = 1;

  async function openWithReserve(error: unknown): Promise<void> {
    if (!hasNoRoom(error) || !(await reserve.spend())) throw error;
    await db.open();
  }

  /**
   * After a write that failed nobody knows what is in LevelDB's log, and what came behind it there could be lost: a new log is begun, which
   * only opening does.
   */
  async function reopen(): Promise<void> {
    await db.close();
    await db.open();
    opened += 1;
  }

  /** A chained batch: an array batch costs ten times the time per entry. */
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
        // Others would take what is left of it.
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
