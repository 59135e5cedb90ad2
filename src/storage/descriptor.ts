// Files by their descriptors. The FileHandle of node:fs/promises is an object with events, and each of its calls makes arrays for results
// that nobody asks for; a creation is little more than such calls.
import { close, fstat, fsync, ftruncate, open } from 'node:fs';
import { promisify } from 'node:util';

const openFile = promisify(open);

export const fstatFile = promisify(fstat);
export const fsyncFile = promisify(fsync);
export const ftruncateFile = promisify(ftruncate);

/** Opens a file, or a directory, for as long as `use` takes. `flags` and `mode` as of open in node:fs. */
export async function withFile<T>(
  path: string,
  flags: string,
  use: (descriptor: number) => Promise<T>,
  mode?: number,
): Promise<T> {
  const descriptor = await openFile(path, flags, mode);
  try {
    return await use(descriptor);
  } finally {
    // Nobody needs to wait for it: what was to be on stable storage is there.
    close(descriptor, () => {});
  }
}
