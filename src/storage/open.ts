import type { PoolPlace } from '../config/pool-place.ts';
import { createRunner } from './command.ts';
import { type FilePoolOptions, openFilePool } from './file.ts';
import { fileLabels } from './file-labels.ts';
import type { Labels } from './label.ts';
import { lvmLabels } from './lvm/labels.ts';
import { lvmWith } from './lvm/lvm.ts';
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

/** The labels of the disks of a pool. `check` and `warn` as in `fileLabels`. */
export const openLabels = (
  place: PoolPlace,
  check: () => Promise<void>,
  warn: (sentence: string) => void,
): Labels =>
  place.kind === 'file'
    ? fileLabels(place.directory, check, warn)
    : lvmLabels(place.vg, lvmWith(createRunner()), warn);
