import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../durable-file.ts';
import { errorOf, type PdiskError, reasonOf } from '../errors.ts';

const FILE = '.pdisk-owner';

const unusable = (detail: string): PdiskError => errorOf('POOL_UNAVAILABLE', { detail });

async function ownerOf(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(reasonOf(error));
  }
}

/**
 * Makes sure that a directory is ours, by a file in it. A store that has disks expects the file there: else the file system with the
 * images is not mounted, say, and every volume would look as if it had been removed. Throws POOL_UNAVAILABLE.
 */
export async function claim(directory: string, owner: string, expected: boolean): Promise<void> {
  const file = join(directory, FILE);
  const found = await ownerOf(file);
  if (found === owner) return;
  if (found !== undefined) {
    throw unusable(
      `${directory} belongs to another pdisk: ${FILE} says ${found}, ours would be ${owner}; give each a directory of its own, ` +
        'or remove that file if that one is gone for good',
    );
  }
  if (expected) {
    throw unusable(
      `${directory} is not where the volumes of this pdisk's disks are, for it has no ${FILE}; is its file system mounted? ` +
        `If it is the right one all the same, write '${owner}' into ${file}`,
    );
  }
  await writeDurably(file, `${owner}\n`).catch(error => {
    throw unusable(reasonOf(error));
  });
}
