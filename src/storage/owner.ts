import { randomUUID } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { directorySync } from './directory-sync.ts';

/**
 * Who we are to others that share our storage: this host and a random id, kept in `file` from the first start on, for the service may move
 * and its host be renamed. In the letters of an LVM tag (lvm(8), VALID NAMES).
 */
export async function readOwner(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const owner = `${hostname().replaceAll(/[^A-Za-z0-9.-]/g, '-')}:${randomUUID()}`;
  const handle = await open(`${file}.new`, 'w', 0o600);
  try {
    await handle.writeFile(`${owner}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
  await directorySync(dirname(file))();
  return owner;
}
