import { stat } from 'node:fs/promises';
import type { VolumeSource } from './pool.ts';

/**
 * When the image file of a volume was created, in milliseconds since 1970; undefined if that is not known or
 * the volume is no file. It is read with stat(2), because find(1) of Debian 12 does not report it even if the
 * file system does.
 */
export async function birthOf({ type, path }: VolumeSource): Promise<number | undefined> {
  if (type !== 'file') return undefined;
  const { birthtimeMs } = await stat(path).catch(() => ({ birthtimeMs: 0 }));
  return birthtimeMs > 0 ? Math.floor(birthtimeMs) : undefined;
}
