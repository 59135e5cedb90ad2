import { constants } from 'node:fs';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * O_EXCL and O_NOFOLLOW: fails where the name is taken, also by a link, so that a file of somebody else is
 * never written.
 */
const ANEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Makes the entries of a directory durable: an fsync of a file does not cover its name (fsync(2)). */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Syncs every file in a folder without subfolders, and the folder itself. */
export async function syncFolder(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const handle = await open(join(folder, name), constants.O_RDONLY);
    await handle.sync().finally(() => handle.close());
  }
  await syncDirectory(folder);
}

const unfinishedOf = (file: string): string => `${file}.new`;

/** Removes what a crash may have left of an unfinished `writeDurably`. */
export const removeUnfinished = (file: string): Promise<void> => rm(unfinishedOf(file), { force: true });

/**
 * Writes a file, mode 0600, atomically and durably: after a crash it has the old text or the new one.
 * Replaces a file of the same name. If the text comes in pieces and they end with an error, nothing is
 * replaced.
 */
export async function writeDurably(file: string, text: string | AsyncIterable<string>): Promise<void> {
  const unfinished = unfinishedOf(file);
  await removeUnfinished(file);
  const handle = await open(unfinished, ANEW, 0o600);
  try {
    if (typeof text === 'string') await handle.writeFile(text);
    else for await (const piece of text) await handle.writeFile(piece);
    await handle.sync();
  } catch (error) {
    await removeUnfinished(file);
    throw error;
  } finally {
    await handle.close();
  }
  await rename(unfinished, file);
  await syncDirectory(dirname(file));
}
