// Volumes as raw sparse files. A crash may leave an empty file; creating it again completes it.

import { constants as modes } from 'node:fs';
import { access, chmod, lstat, unlink } from 'node:fs/promises';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { makeFolder } from '../data-folder.ts';
import { errorOf, PdiskError, reasonOf } from '../errors.ts';
import { GIB } from '../lib/gib.ts';
import { isMissing } from '../lib/missing.ts';
import { bounded } from './bounded.ts';
import { claimOf } from './claim.ts';
import { contents, POSIX_IMAGE } from './contents.ts';
import { fstatFile, fsyncFile, ftruncateFile, withFile } from './descriptor.ts';
import { directorySync } from './directory-sync.ts';
import type { Pool } from './pool.ts';
import { checkQemuAccess } from './qemu-access.ts';
import { room, usedPercent } from './room.ts';
import { inThread, NotBegun } from './threads.ts';

/** The settings of a file pool. */
export interface FilePoolOptions {
  /**
   * Created if it is missing, with mode 0711: QEMU's user must be able to search it, but need not list it.
   */
  readonly directory: string;
  /** Factor: the sum of the disks' sizes may be this many times the space of the file system. */
  readonly overcommit: number;
  /** The permanent name of this pdisk: a file in the directory has it and keeps another pdisk out. */
  readonly owner: string;
  readonly log?: { warn(sentence: string): void } | undefined;
}

/** Enough changes at once for many to share one fsync of the directory. */
const AT_ONCE = 64;
/** More than the default limit of concurrent requests: the queue fills up only if the file system hangs. */
const WAITING = 4096;

const errnoOf = (error: unknown): number | undefined => (error as NodeJS.ErrnoException).errno;
const isTaken = (error: unknown): boolean => errnoOf(error) === -constants.errno.EEXIST;
// libuv has no name for EDQUOT and reports "Unknown system error -122".
const isQuota = (error: unknown): boolean => errnoOf(error) === -constants.errno.EDQUOT;
const isFull = (error: unknown): boolean => errnoOf(error) === -constants.errno.ENOSPC || isQuota(error);

const textOf = (error: unknown): string => (isQuota(error) ? 'EDQUOT: disk quota exceeded' : reasonOf(error));

type Change = 'VOLUME_FAILED' | 'REMOVE_FAILED' | 'GROW_FAILED';

/** The PdiskError for a failed change; a NotBegun is returned unchanged. */
function failureOf(error: unknown, code: Change, disk: string): Error {
  if (error instanceof PdiskError || error instanceof NotBegun) return error;
  const full = isFull(error) && code !== 'REMOVE_FAILED';
  return errorOf(full ? 'POOL_FULL' : code, { disk, detail: textOf(error) });
}

/** Extends a file with zeros to `bytes` and syncs it; never truncates it. Resolves with its size in bytes. */
const lengthen = (path: string, bytes: number, signal: AbortSignal): Promise<number> =>
  withFile(path, 'r+', async file => {
    signal.throwIfAborted();
    const { size } = await fstatFile(file);
    if (size < bytes) await ftruncateFile(file, bytes);
    await fsyncFile(file);
    return Math.max(size, bytes);
  });

async function unlessMissing<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await inThread(call);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Creates the directory if it is missing. */
async function prepare(directory: string): Promise<void> {
  // chmod, because the umask removes bits from the mode of mkdir.
  if (await makeFolder(directory, 0o711)) await chmod(directory, 0o711);
}

const checkAccess = (directory: string): Promise<void> =>
  inThread(() => access(directory, modes.R_OK | modes.W_OK | modes.X_OK));

async function orUnavailable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof PdiskError ? error : errorOf('POOL_UNAVAILABLE', { detail: textOf(error) });
  }
}

/**
 * A pool of sparse raw images in one directory. Other files there are never touched. Throws POOL_UNAVAILABLE
 * if the directory cannot be created or used. Logs a warning if libvirt's QEMU could not open the images.
 */
export async function openFilePool(options: FilePoolOptions): Promise<Pool> {
  const directory = resolve(options.directory);
  await orUnavailable(prepare(directory).then(() => checkAccess(directory)));
  const sync = directorySync(directory);
  const claim = claimOf(directory, options.owner);
  const bytesInAll = room(directory, POSIX_IMAGE, claim.check);
  const pathOf = (uuid: string): string => join(directory, `${uuid}.raw`);

  const unreachable = await checkQemuAccess(directory);
  if (unreachable !== undefined) options.log?.warn(unreachable);

  /** Extends an empty file to `bytes` without allocating blocks; syncs file and directory in parallel. */
  const fill = async (file: number, bytes: number, signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    const whole = ftruncateFile(file, bytes).then(() => fsyncFile(file));
    // allSettled, because the file must not be closed before both have finished.
    const failed = (await Promise.allSettled([whole, sync()])).find(one => one.status === 'rejected');
    if (failed) throw failed.reason;
  };

  /** Uses the file of an interrupted creation; throws if a file of another size is there. */
  const adopt = (path: string, bytes: number, signal: AbortSignal): Promise<void> =>
    withFile(path, 'r+', async file => {
      const { size } = await fstatFile(file);
      if (size !== bytes && size !== 0) {
        throw new Error(`${path} is there already, with ${size} bytes instead of ${bytes}`);
      }
      await fill(file, bytes, signal);
    });

  async function make(uuid: string, bytes: number, signal: AbortSignal, begin?: AbortSignal): Promise<void> {
    const path = pathOf(uuid);
    await claim.check(begin);
    try {
      await withFile(path, 'wx', file => fill(file, bytes, signal), { mode: 0o600, begin });
    } catch (error) {
      if (!isTaken(error)) throw error;
      await adopt(path, bytes, signal);
    }
  }

  async function remove(uuid: string): Promise<void> {
    await claim.check();
    const found = await unlessMissing(() => unlink(pathOf(uuid)).then(() => true));
    // Also if nothing was found: a crash may have come between an earlier unlink and its sync.
    await sync();
    // A missing file counts as removed only if the directory was the claimed one all the time.
    if (!found) await claim.check();
  }

  async function grow(
    uuid: string,
    bytes: number,
    signal: AbortSignal,
    begin?: AbortSignal,
  ): Promise<number> {
    await claim.check(begin);
    return lengthen(pathOf(uuid), bytes, signal);
  }

  /** Runs a query after checking that the directory is still the claimed one. */
  const here = <T>(ask: () => Promise<T>): Promise<T> => orUnavailable(claim.check().then(ask));

  const raw: Pool = {
    create: (uuid, sizeGiB, signal, begin) =>
      make(uuid, sizeGiB * GIB, signal, begin).catch(error => {
        throw failureOf(error, 'VOLUME_FAILED', uuid);
      }),

    delete: uuid =>
      remove(uuid).catch(error => {
        throw failureOf(error, 'REMOVE_FAILED', uuid);
      }),

    resize: (uuid, sizeGiB, signal, begin) =>
      grow(uuid, sizeGiB * GIB, signal, begin).catch(error => {
        throw failureOf(error, 'GROW_FAILED', uuid);
      }),

    sizeOf: uuid => here(async () => (await unlessMissing(() => lstat(pathOf(uuid))))?.size),

    // No wiping: blocks that a file system gives to another file read as zeros until they are written.
    wipes: false,
    wipe: async () => ({ bytes: 0, of: 0 }),

    list: () => here(async () => (await contents(directory)).volumes),
    strangers: () => here(async () => (await contents(directory)).strangers),
    check: () => here(() => checkAccess(directory)),
    promisableBytes: () => orUnavailable(bytesInAll().then(bytes => Math.floor(bytes * options.overcommit))),
    use: () => here(async () => [{ what: 'data', percent: await usedPercent(directory) }]),
    source: uuid => ({ type: 'file', path: pathOf(uuid) }),

    async begin(expected) {
      await claim.make(expected);
      // Starts the count of the images' blocks now, as it may take long: the first creation then waits for
      // less of it.
      void bytesInAll().catch(() => {});
    },
  };
  return bounded(raw, { atOnce: AT_ONCE, waiting: WAITING });
}
