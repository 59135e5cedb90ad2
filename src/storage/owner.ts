import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { writeDurably } from '../lib/durable-file.ts';
import { isMissing } from '../lib/missing.ts';

interface Owner {
  readonly name: string;
  /** Whether it is of this very start: its service has never had a pool. */
  readonly isNew: boolean;
  /** Keeps it for ever. */
  keep(): Promise<void>;
}

/**
 * Who we are to others that share our storage: this host and a random id, kept in `file` from the first start on, for the service may move
 * and its host be renamed. In the letters of an LVM tag (lvm(8), VALID NAMES).
 */
export async function readOwner(file: string): Promise<Owner> {
  try {
    const name = (await readFile(file, 'utf8')).trim();
    return { name, isNew: false, keep: async () => {} };
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const name = `${hostname().replaceAll(/[^A-Za-z0-9.-]/g, '-')}:${randomUUID()}`;
  return { name, isNew: true, keep: () => writeDurably(file, `${name}\n`) };
}
