// Files by descriptor, for speed: a FileHandle of node:fs/promises is an event emitter, and each of its calls
// allocates arrays. The creation of a volume consists mostly of such calls.
import * as fs from 'node:fs';
import { promisify } from 'node:util';
import { inThread } from './threads.ts';

const openNow = promisify(fs.open);
const closeNow = promisify(fs.close);
const fstatNow = promisify(fs.fstat);
const fsyncNow = promisify(fs.fsync);
const ftruncateNow = promisify(fs.ftruncate);

/** fstat(2) of an open file. */
export const fstatFile = (file: number): Promise<fs.Stats> => inThread(() => fstatNow(file));
/** fsync(2) of an open file or directory. */
export const fsyncFile = (file: number): Promise<void> => inThread(() => fsyncNow(file));
/** ftruncate(2) of an open file to `bytes`. */
export const ftruncateFile = (file: number, bytes: number): Promise<void> =>
  inThread(() => ftruncateNow(file, bytes));

/** Options of `withFile`. */
export interface Opening {
  readonly mode?: number;
  /** If it is aborted before a thread is free, the file is not opened; see `inThread`. */
  readonly begin?: AbortSignal | undefined;
}

/**
 * Opens a file or a directory while `use` runs. `flags` and `mode` as in fs.open. Throws NotBegun if `begin`
 * is aborted before a thread is free, or the error of the operating system.
 */
export async function withFile<T>(
  path: string,
  flags: string,
  use: (descriptor: number) => Promise<T>,
  { mode, begin }: Opening = {},
): Promise<T> {
  const descriptor = await inThread(() => openNow(path, flags, mode), begin);
  try {
    return await use(descriptor);
  } finally {
    // The result of close is not needed: `use` has already synced what must be on stable storage.
    inThread(() => closeNow(descriptor)).catch(() => {});
  }
}
