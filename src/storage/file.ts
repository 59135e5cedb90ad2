// Volumes as raw sparse files. A file of no bytes is one whose maker died: it is made on. Making and removing one volume take turns,
// for an aborted `make` may still be in a system call when `remove` comes to undo it.
import { constants as modes } from 'node:fs';
import { access, chmod, readdir, stat, unlink } from 'node:fs/promises';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { makeFolder } from '../data-folder.ts';
import { errorOf } from '../errors.ts';
import { turns } from '../turns.ts';
import { claim } from './claim.ts';
import { fstatFile, fsyncFile, ftruncateFile, withFile } from './descriptor.ts';
import { directorySync } from './directory-sync.ts';
import type { Pool } from './pool.ts';
import { checkReach } from './reach.ts';
import { room, usedPercent } from './room.ts';

export interface FilePoolOptions {
  /** Made if it is missing, with mode 0711: QEMU's user must be able to pass through it, and has no need to list it. */
  readonly directory: string;
  /** How many times over the file system's room may be promised. */
  readonly overcommit: number;
  /** Names this pdisk, for ever: a file in the directory keeps another one out. */
  readonly owner: string;
  readonly log?: { warn(sentence: string): void } | undefined;
}

const GIB = 2 ** 30;
const IMAGE = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.raw$/;
/** The same, as POSIX has it. */
const POSIX_IMAGE = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\\.raw';

const errnoOf = (error: unknown): number | undefined => (error as NodeJS.ErrnoException).errno;
const isMissing = (error: unknown): boolean => errnoOf(error) === -constants.errno.ENOENT;
const isTaken = (error: unknown): boolean => errnoOf(error) === -constants.errno.EEXIST;
// libuv has no name for EDQUOT and says "Unknown system error -122".
const isQuota = (error: unknown): boolean => errnoOf(error) === -constants.errno.EDQUOT;
const isFull = (error: unknown): boolean => errnoOf(error) === -constants.errno.ENOSPC || isQuota(error);

function textOf(error: unknown): string {
  if (isQuota(error)) return 'EDQUOT: disk quota exceeded';
  return error instanceof Error ? error.message : String(error);
}

/** Makes a file longer, by zeros; never shorter. Resolves with its size. */
const lengthen = (path: string, bytes: number, signal: AbortSignal): Promise<number> =>
  withFile(path, 'r+', async file => {
    signal.throwIfAborted();
    const { size } = await fstatFile(file);
    if (size < bytes) await ftruncateFile(file, bytes);
    await fsyncFile(file);
    return Math.max(size, bytes);
  });

async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch(error => {
    if (!isMissing(error)) throw error;
  });
}

async function sizeIfThere(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function prepare(directory: string): Promise<void> {
  try {
    // The umask takes bits away.
    if (await makeFolder(directory, 0o711)) await chmod(directory, 0o711);
  } catch (error) {
    throw errorOf('POOL_UNAVAILABLE', { detail: textOf(error) });
  }
  await checkAccess(directory);
}

async function checkAccess(directory: string): Promise<void> {
  try {
    await access(directory, modes.R_OK | modes.W_OK | modes.X_OK);
  } catch (error) {
    throw errorOf('POOL_UNAVAILABLE', { detail: textOf(error) });
  }
}

/**
 * A pool of sparse raw images in one directory. Files there that do not bear the name of an image are never touched. Throws
 * POOL_UNAVAILABLE where the directory can neither be made nor used. Warns where libvirt's QEMU could not reach the images.
 */
export async function openFilePool(options: FilePoolOptions): Promise<Pool> {
  const directory = resolve(options.directory);
  await prepare(directory);
  const sync = directorySync(directory);
  const bytesInAll = room(directory, POSIX_IMAGE);
  const takeTurn = turns();
  const pathOf = (uuid: string): string => join(directory, `${uuid}.raw`);

  const unreachable = await checkReach(directory);
  if (unreachable !== undefined) options.log?.warn(unreachable);

  /** A file of `bytes` zeros that occupies nothing; it and its name reach stable storage together. */
  const fill = async (file: number, bytes: number, signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    const whole = ftruncateFile(file, bytes).then(() => fsyncFile(file));
    // The file must not be closed before both have come back.
    const failed = (await Promise.allSettled([whole, sync()])).find(one => one.status === 'rejected');
    if (failed) throw failed.reason;
  };

  /** A file that is there already: of this very creation, which was interrupted, or somebody else's. */
  const adopt = (path: string, bytes: number, signal: AbortSignal): Promise<void> =>
    withFile(path, 'r+', async file => {
      const { size } = await fstatFile(file);
      if (size !== bytes && size !== 0) {
        throw new Error(`${path} is there already, with ${size} bytes instead of ${bytes}`);
      }
      await fill(file, bytes, signal);
    });

  async function make(uuid: string, bytes: number, signal: AbortSignal): Promise<void> {
    const path = pathOf(uuid);
    try {
      await withFile(path, 'wx', file => fill(file, bytes, signal), 0o600);
    } catch (error) {
      if (!isTaken(error)) throw error;
      await adopt(path, bytes, signal);
    }
  }

  async function remove(uuid: string): Promise<void> {
    await unlinkIfThere(pathOf(uuid));
    // Also where nothing was found: whoever removed it may have died before this step.
    await sync();
  }

  return {
    async make(uuid, sizeGiB, signal) {
      try {
        const endTurn = await takeTurn(uuid, signal);
        await make(uuid, sizeGiB * GIB, signal).finally(endTurn);
      } catch (error) {
        throw errorOf(isFull(error) ? 'POOL_FULL' : 'VOLUME_FAILED', { disk: uuid, detail: textOf(error) });
      }
    },

    async remove(uuid, signal) {
      try {
        const endTurn = await takeTurn(uuid, signal);
        await remove(uuid).finally(endTurn);
      } catch (error) {
        throw errorOf('REMOVE_FAILED', { disk: uuid, detail: textOf(error) });
      }
    },

    async grow(uuid, sizeGiB, signal) {
      try {
        const endTurn = await takeTurn(uuid, signal);
        return await lengthen(pathOf(uuid), sizeGiB * GIB, signal).finally(endTurn);
      } catch (error) {
        throw errorOf(isFull(error) ? 'POOL_FULL' : 'GROW_FAILED', { disk: uuid, detail: textOf(error) });
      }
    },

    async sizeOf(uuid, signal) {
      try {
        const endTurn = await takeTurn(uuid, signal);
        return await sizeIfThere(pathOf(uuid)).finally(endTurn);
      } catch (error) {
        throw errorOf('POOL_UNAVAILABLE', { detail: textOf(error) });
      }
    },

    // The file system gives no block to another file before it is written or reads as zeros.
    wipes: false,
    wipe: async () => ({ bytes: 0, of: 0 }),

    async list() {
      try {
        return (await readdir(directory)).flatMap(name => IMAGE.exec(name)?.[1] ?? []);
      } catch (error) {
        throw errorOf('POOL_UNAVAILABLE', { detail: textOf(error) });
      }
    },

    check: () => checkAccess(directory),

    async promisableBytes() {
      try {
        return Math.floor((await bytesInAll()) * options.overcommit);
      } catch (error) {
        throw errorOf('POOL_UNAVAILABLE', { detail: textOf(error) });
      }
    },

    async use() {
      try {
        return [{ what: 'data', percent: await usedPercent(directory) }];
      } catch (error) {
        throw errorOf('POOL_UNAVAILABLE', { detail: textOf(error) });
      }
    },

    source: uuid => ({ type: 'file', path: pathOf(uuid) }),

    async begin(expected) {
      await claim(directory, options.owner, expected);
      // Many images take long to count: the first creation need not wait for all of it.
      void bytesInAll().catch(() => {});
    },
  };
}
