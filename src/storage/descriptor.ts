// Files by their descriptors. The FileHandle of node:fs/promises is an object with events, and each of its calls makes arrays for results
// that nobody asks for; a creation is little more than such calls.
import * as fs from 'node:fs';
import { promisify } from 'node:util';
import { inThread } from './threads.ts';

const openNow = promisify(fs.open);
const closeNow = promisify(fs.close);
const fstatNow = promisify(fs.fstat);
const fsyncNow = promisify(fs.fsync);
const ftruncateNow = promisify(fs.ftruncate);

export const fstatFile = (file: number): Promise<fs.Stats> => inThread(() => fstatNow(file));
export const fsyncFile = (file: number): Promise<void> => inThread(() => fsyncNow(file));
export const ftruncateFile = (file: number, bytes: number): Promise<void> =>
  inThread(() => ftruncateNow(file, bytes));

export interface Opening {
  readonly mode?: number;
  /** Until it is aborted the file may be opened; see `inThread`. */
  readonly begin?: AbortSignal | undefined;
}

/** Opens a file, or a directory, for as long as `use` takes. `flags` and `mode` as of open in node:fs. */
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
    // Nobody needs to wait for it: what was to be on stable storage is there.
    inThread(() => closeNow(descriptor)).catch(() => {});
  }
}
