// What can be promised is free space plus what our images occupy already. A guest that writes moves bytes from the one to the
// other, so the sum changes only when somebody else fills or frees the file system: it may be old, and need not be counted
// on every creation. Counting costs one stat per image, and time in the thread pool that LevelDB shares.
import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { kept } from './kept.ts';

/** st_blocks is in units of 512 bytes, whatever the file system's block size (stat(2)). */
const STAT_BLOCK = 512;

async function occupied(directory: string, isOurs: (name: string) => boolean): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(directory)) {
    if (!isOurs(name)) continue;
    // Gone meanwhile: it occupies nothing.
    const found = await stat(join(directory, name)).catch(() => undefined);
    bytes += (found?.blocks ?? 0) * STAT_BLOCK;
  }
  return bytes;
}

/** How much of a file system is used, in percent: of what an ordinary user can have of it, as df(1) tells it. */
export async function usedPercent(directory: string): Promise<number> {
  const { blocks, bfree, bavail } = await statfs(directory);
  const used = blocks - bfree;
  return Math.ceil((100 * used) / Math.max(1, used + bavail));
}

/** The bytes that all our images together may ever occupy: what is free for an ordinary user plus what they occupy. May be old, see `kept`. */
export const room = (directory: string, isOurs: (name: string) => boolean): (() => Promise<number>) =>
  kept(async () => {
    const ours = await occupied(directory, isOurs);
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize + ours;
  });
