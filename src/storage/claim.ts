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

/** A pdisk's claim on the directory of its pool: a file there with the name of the owner. */
export interface Claim {
  /**
   * Claims the directory, or checks that it is already ours. `expected`: the store has disks, so the file
   * must exist. If it does not, the file system with the images may not be mounted, and every volume would
   * seem to be removed. Throws POOL_UNAVAILABLE.
   */
  make(expected: boolean): Promise<void>;
  /**
   * Checks that the directory is still the claimed one: when a file system is unmounted, the directory below
   * its mount point appears instead. Does nothing before `make`. Throws POOL_UNAVAILABLE, or NotBegun if
   * `begin` is aborted before a thread is free.
   */
  check(begin?: AbortSignal): Promise<void>;
}

/** The pdisk that has claimed a directory; undefined: none has. Throws POOL_UNAVAILABLE. */
export const claimantOf = (directory: string): Promise<string | undefined> => ownerOf(join(directory, FILE));

/** The claim of `owner` on a directory; nothing is read or written yet. */
export function claimOf(directory: string, owner: string): Claim {
  const file = join(directory, FILE);
  /** Device and inode of the claim's file. */
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
      // A new mount may have another device number: then the content of the file decides.
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
