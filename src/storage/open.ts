import type { PoolPlace } from '../config/pool-place.ts';
import { type FilePoolOptions, openFilePool } from './file.ts';
import { type LvmPoolOptions, openLvmPool } from './lvm/pool.ts';
import type { Pool } from './pool.ts';

interface PoolOptions extends Pick<FilePoolOptions, 'overcommit' | 'owner' | 'log'> {
  /** How volumes are wiped in a volume group. */
  readonly lvm: Pick<LvmPoolOptions, 'wipe' | 'wipeRateMiB'>;
  /** Gives the opening up. */
  readonly signal?: AbortSignal;
}

/** Opens the pool at a place. Throws POOL_UNAVAILABLE if the place cannot be used. */
export async function openPool(
  place: PoolPlace,
  { lvm, log, signal, ...options }: PoolOptions,
): Promise<Pool> {
  if (place.kind === 'file') return openFilePool({ directory: place.directory, log, ...options });
  const { vg, thinPool } = place;
  return openLvmPool({ vg, thinPool, ...options, ...lvm, signal });
}
