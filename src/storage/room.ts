// What can be promised is free space plus what our images occupy already. A guest that writes moves bytes from the one to the
// other, so the sum changes only when somebody else fills or frees the file system: it may be old, and need not be counted
// on every creation. Counting is left to find(1): one stat per image of our own would go through the thread pool that LevelDB shares,
// and cost our only thread fifty times as much.
import { statfs } from 'node:fs/promises';
import { cached } from './cached.ts';
import { createRunner } from './command.ts';
import { inThread } from './threads.ts';
import { withTimeout } from './timeout.ts';

/** What find(1) calls a block, whatever the file system's block size. */
const FIND_BLOCK = 512;
/** How long the sum will do after it was due to be counted again, in milliseconds. */
const OVERDUE_MS = 60_000;
const COUNTING_MS = 120_000;

const run = createRunner();

/** `images` is a POSIX extended regular expression for their names. */
async function occupied(directory: string, images: string): Promise<number> {
  const where = [directory, '-maxdepth', '1', '-ignore_readdir_race', '-regextype', 'posix-extended'];
  const args = [...where, '-regex', `.*/${images}`, '-printf', '%b\n'];
  const blocks = await withTimeout(COUNTING_MS, signal => run('find', args, signal));
  return blocks.split('\n').reduce((sum, number) => sum + Number(number), 0) * FIND_BLOCK;
}

/** How much of a file system is used, in percent: of what an ordinary user can have of it, as df(1) tells it. */
export async function usedPercent(directory: string): Promise<number> {
  const { blocks, bfree, bavail } = await inThread(() => statfs(directory));
  const used = blocks - bfree;
  return Math.ceil((100 * used) / Math.max(1, used + bavail));
}

/** The bytes that all our images together may ever occupy: what is free for an ordinary user plus what they occupy. May be old, see `kept`. `check` is done before counting. */
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
