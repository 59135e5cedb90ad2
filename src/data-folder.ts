import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from './lib/durable-file.ts';
import { isMissing } from './lib/missing.ts';

/**
 * Creates a folder, and its parents, durably. Creates them one by one: `mkdir` of Node with `recursive` never
 * returns where the parent exists and takes no entry, as in /proc. Resolves with whether the folder was
 * created.
 */
export async function makeFolder(path: string, mode: number, sync = syncDirectory): Promise<boolean> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return false;
    const parent = dirname(path);
    if (!isMissing(error) || parent === path || !(await makeFolder(parent, 0o755, sync))) throw error;
    return makeFolder(path, mode, sync);
  }
  // A folder that may be written and not read cannot be opened for an fsync.
  await sync(dirname(path)).catch(() => {});
  return true;
}

const OTHERS_WRITE = 0o002;
const NOT_OURS_ALONE = 0o064;

/**
 * Creates the data folder, or checks that an existing one is fit to hold secrets. Throws a sentence where it
 * cannot be used, or where everybody may write to it; calls `warn` where others than the owner may read it or
 * the group may write.
 */
export async function prepareDataFolder(path: string, warn: (sentence: string) => void): Promise<void> {
  const found = await makeFolder(path, 0o700)
    .then(() => stat(path))
    .catch((error: Error) => {
      throw new Error(
        `data_dir is ${path}, which cannot be made or used: ${error.message}; make it for the user ${process.getuid?.()}, or set data_dir to another`,
      );
    });
  const mode = (found.mode & 0o777).toString(8);
  if (found.mode & OTHERS_WRITE) {
    throw new Error(
      `data_dir is ${path}, into which everybody may put files (mode ${mode}): see that what is in it is yours, and run 'chmod o-w ${path}'`,
    );
  }
  if (found.mode & NOT_OURS_ALONE) {
    warn(
      `data_dir is ${path}, which others than its owner may list or write (mode ${mode}); 'chmod go-rw ${path}' ends that`,
    );
  }
}
