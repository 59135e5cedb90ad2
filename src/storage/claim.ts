import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorOf, type PdiskError, reasonOf } from '../errors.ts';
import { writeDurably } from '../lib/durable-file.ts';
import { isMissing } from '../lib/missing.ts';
import { inThread } from './threads.ts';

const FILE = '.pdisk-owner';

const unusable = (detail: string): PdiskError => errorOf('POOL_UNAVAILABLE', { detail });

async function ownerOf(file: string): Promise<string | undefined> {
  try {
    return (await inThread(() => readFile(file, 'utf8'))).trim();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw unusable(reasonOf(error));
  }
}

export interface Claim {
  /**
   * Makes sure that a directory is ours, by a file in it. A store that has disks expects the file there: else the file system with the
   * images is not mounted, say, and every volume would look as if it had been removed. Throws POOL_UNAVAILABLE.
   */
  make(expected: boolean): Promise<void>;
  /**
   * Makes sure that it still is: a file system may be unmounted at any time, and what is under it is a directory, too. Nothing before
   * the claim was made. Throws POOL_UNAVAILABLE; NotBegun if `begin` is aborted before a thread is free for it.
   */
  check(begin?: AbortSignal): Promise<void>;
}

export function claimOf(directory: string, owner: string): Claim {
  const file = join(directory, FILE);
  /** Which file it was that said so. */
  let claimed: string | undefined;

  async function identity(begin?: AbortSignal): Promise<string | undefined> {
    try {
      const { dev, ino } = await inThread(() => stat(file), begin);
      return `${dev}:${ino}`;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  return {
    async make(expected) {
      const found = await ownerOf(file);
      if (found === undefined && expected) {
        throw unusable(
          `${directory} is not where the volumes of this pdisk's disks are, for it has no ${FILE}; is its file system mounted? ` +
            `If it is the right one all the same, write '${owner}' into ${file}`,
        );
      }
      if (found !== undefined && found !== owner) {
        throw unusable(
          `${directory} belongs to another pdisk: ${FILE} says ${found}, ours would be ${owner}; give each a directory of its own, ` +
            'or remove that file if that one is gone for good',
        );
      }
      try {
        if (found === undefined) await writeDurably(file, `${owner}\n`);
        claimed = await identity();
      } catch (error) {
        throw unusable(reasonOf(error));
      }
    },

    async check(begin) {
      if (claimed === undefined) return;
      const found = await identity(begin);
      if (found === claimed) return;
      // Mounted again, a file system may have another number: what the file says counts.
      const says = found === undefined ? undefined : await ownerOf(file);
      if (says !== owner) {
        throw unusable(
          `${directory} is not the directory any more that it was at the start: ${FILE} ${says === undefined ? 'is not there' : `says ${says}`}; ` +
            'is its file system mounted?',
        );
      }
      claimed = found;
    },
  };
}
