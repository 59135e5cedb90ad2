// Images are sparse: guests take the promised space only when they write. If the database is on the same file
// system, part of the space is never promised; otherwise the writes of guests could leave the database
// without space.
import { stat, statfs } from 'node:fs/promises';
import type { Pool } from './pool.ts';

/** Bytes for the longest usual event history, and for LevelDB to rewrite it. */
const ROOM = 512 * 2 ** 20;
/** At most one part in this many of the file system. */
const SHARE = 8;

/**
 * The bytes of the pool's file system that are reserved for the database in `dataDir`; 0 if the database has
 * a file system of its own. Throws the error of stat(2) or statfs(2).
 */
export async function databaseRoom(poolDirectory: string, dataDir: string): Promise<number> {
  const [pool, data] = [await stat(poolDirectory), await stat(dataDir)];
  if (pool.dev !== data.dev) return 0;
  const { blocks, bsize } = await statfs(poolDirectory);
  return Math.min(ROOM, Math.floor((blocks * bsize) / SHARE));
}

/** The same pool with `bytes` fewer promisable bytes. */
export const leaving = (pool: Pool, bytes: number): Pool => ({
  ...pool,
  promisableBytes: async () => Math.max(0, (await pool.promisableBytes()) - bytes),
});
