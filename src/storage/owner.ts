import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { writeDurably } from '../durable-file.ts';

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
  await writeDurably(file, `${owner}\n`);
  return owner;
}
