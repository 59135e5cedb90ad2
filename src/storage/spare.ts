// Images are sparse: what is promised to guests is taken by them when they write. Where the database lies on the same file system, some of it
// is never promised, or guests could keep the service from writing down that they are gone.
import { stat, statfs } from 'node:fs/promises';
import type { Pool } from './pool.ts';

/** For the longest event history that is usual, and what LevelDB needs to rewrite it. */
const ROOM = 512 * 2 ** 20;
/** At most this part of a file system. */
const SHARE = 8;

/** How many bytes of the file system of a pool's directory are kept for the database in `dataDir`: none where that has one of its own. */
export async function databaseRoom(poolDirectory: string, dataDir: string): Promise<number> {
  const [pool, data] = [await stat(poolDirectory), await stat(dataDir)];
  if (pool.dev !== data.dev) return 0;
  const { blocks, bsize } = await statfs(poolDirectory);
  return Math.min(ROOM, Math.floor((blocks * bsize) / SHARE));
}

/** The same pool, which promises so many bytes less. */
export const leaving = (pool: Pool, bytes: number): Pool => ({
  ...pool,
  promisableBytes: async () => Math.max(0, (await pool.promisableBytes()) - bytes),
});
