// The space that can be promised is the free space plus the space that our images occupy. A write of a guest
// moves bytes from the first to the second, so the sum changes only when other programs use or free space: it
// may be cached, and is not computed for every creation. The images are counted by find(1), because one
// stat(2) for each image would occupy the thread pool that LevelDB uses, and would cost the main thread fifty
// times as much.
import { statfs } from 'node:fs/promises';
import { cached } from './cached.ts';
import { createRunner } from './command.ts';
import { inThread } from './threads.ts';
import { withTimeout } from './timeout.ts';

/** The unit of find's %b in bytes, whatever the block size of the file system. */
const FIND_BLOCK = 512;
/** How long the old sum is used while a new one is computed, in milliseconds; see `cached`. */
const OVERDUE_MS = 60_000;
const COUNTING_MS = 120_000;

const run = createRunner();

/** The bytes that our images occupy. `images` is a POSIX extended regular expression for their names. */
async function occupied(directory: string, images: string): Promise<number> {
  const where = [directory, '-maxdepth', '1', '-ignore_readdir_race', '-regextype', 'posix-extended'];
  const args = [...where, '-regex', `.*/${images}`, '-printf', '%b\n'];
  const blocks = await withTimeout(COUNTING_MS, signal => run('find', args, signal));
  return blocks.split('\n').reduce((sum, number) => sum + Number(number), 0) * FIND_BLOCK;
}

/** The use of a file system in percent of the space for ordinary users, as in df(1). */
export async function usedPercent(directory: string): Promise<number> {
  const { blocks, bfree, bavail } = await inThread(() => statfs(directory));
  const used = blocks - bfree;
  return Math.ceil((100 * used) / Math.max(1, used + bavail));
}

/**
 * The bytes that all our images together can occupy: the space that is free for ordinary users plus the space
 * that they occupy. The value is cached (see `cached`). `check` runs before each computation, and its error
 * is thrown.
 */
export const room = (
  directory: string,
  images: string,
  check: () => Promise<void>,
): (() => Promise<number>) =>
  cached(
    async () => {
      await check();
      const ours = await occupied(directory, images);
      const { bavail, bsize } = await inThread(() => statfs(directory));
      return bavail * bsize + ours;
    },
    { overdueMs: OVERDUE_MS },
  );
