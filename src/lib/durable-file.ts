import { constants } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

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

/**
 * Writes a small file, mode 0600, atomically and durably: after a crash it has the old text or the new one.
 * Replaces a file of the same name.
 */
export async function writeDurably(file: string, text: string): Promise<void> {
  const unfinished = `${file}.new`;
  // A crash may have left an unfinished file.
  await rm(unfinished, { force: true });
  const handle = await open(unfinished, ANEW, 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, file);
  await syncDirectory(dirname(file));
}
