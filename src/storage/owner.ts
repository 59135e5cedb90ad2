import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { writeDurably } from '../lib/durable-file.ts';
import { isMissing } from '../lib/missing.ts';

interface Owner {
  readonly name: string;
  /** Whether the name was created at this start: the service has never had a pool. */
  readonly isNew: boolean;
  /** Writes the name to its file, if it is new. */
  keep(): Promise<void>;
}

/**
 * The permanent name of this pdisk, for other pdisks on the same storage: the host name at the first start
 * and a random id. It is stored in `file`, because the service may move and its host may be renamed. It has
 * only characters that are allowed in an LVM tag (lvm(8), VALID NAMES).
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
