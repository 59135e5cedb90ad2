import { stat } from 'node:fs/promises';
import type { VolumeSource } from './pool.ts';

/**
 * When the file of a volume was made, in milliseconds since 1970; undefined where nobody knows, and of what is no file. Debian 12's find(1),
 * which lists files, does not tell, though the file system may.
 */
export async function birthOf({ type, path }: VolumeSource): Promise<number | undefined> {
  if (type !== 'file') return undefined;
  const { birthtimeMs } = await stat(path).catch(() => ({ birthtimeMs: 0 }));
  return birthtimeMs > 0 ? Math.floor(birthtimeMs) : undefined;
}
