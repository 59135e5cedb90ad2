import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { directorySync } from './directory-sync.ts';

/** `from`, and every directory on the way up to `to`. */
function upTo(from: string, to: string): string[] {
  return from === to || from === '/' ? [from] : [from, ...upTo(dirname(from), to)];
}

/**
 * Makes a directory, and those on the way to it, so that they are on stable storage: the name of each is an entry
 * of the one above (fsync(2)). Resolves with whether it was made.
 */
export async function makeDirectory(
  directory: string,
  mode: number,
  sync: (directory: string) => Promise<void> = one => directorySync(one)(),
): Promise<boolean> {
  const path = resolve(directory);
  const first = await mkdir(path, { recursive: true, mode });
  if (first === undefined) return false;
  for (const above of upTo(dirname(path), dirname(first))) await sync(above);
  return true;
}
