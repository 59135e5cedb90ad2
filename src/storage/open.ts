import { errorOf } from '../errors.ts';
import { type FilePoolOptions, openFilePool } from './file.ts';
import { type LvmPoolOptions, openLvmPool } from './lvm/pool.ts';
import type { Pool } from './pool.ts';

/** Control characters would not survive the attribute of libvirt's disk XML that the path is put into. */
const FILE_SETTING = /^file:([^\p{Cc}]+)$/u;
/** What LVM takes for a name (lvm(8), VALID NAMES). */
const LVM_SETTING = /^lvm:([a-zA-Z0-9+_.][a-zA-Z0-9+_.-]*)(?:\/([a-zA-Z0-9+_.][a-zA-Z0-9+_.-]*))?$/;

type PoolPlace =
  | { readonly kind: 'file'; readonly directory: string }
  | { readonly kind: 'lvm'; readonly vg: string; readonly thinPool: string | undefined };

/**
 * What the setting `pool` asks for, or a sentence that says what is allowed: for the configuration to refuse before anything
 * is opened.
 */
export function parsePool(setting: string): PoolPlace | string {
  const directory = FILE_SETTING.exec(setting)?.[1];
  if (directory !== undefined) return { kind: 'file', directory };
  const [, vg, thinPool] = LVM_SETTING.exec(setting) ?? [];
  if (vg !== undefined) return { kind: 'lvm', vg, thinPool };
  return `'${setting}' is no pool: give file:DIR, a directory for the images, or lvm:VG or lvm:VG/THINPOOL`;
}

interface PoolOptions extends Pick<FilePoolOptions, 'overcommit' | 'owner' | 'log'> {
  /** How volumes are wiped in a volume group. */
  readonly lvm: Pick<LvmPoolOptions, 'wipe' | 'wipeRateMiB'>;
}

/**
 * Opens the pool that the setting `pool` names. Throws POOL_UNAVAILABLE with a sentence where the setting means nothing or the
 * place cannot be used.
 */
export async function openPool(setting: string, { lvm, log, ...options }: PoolOptions): Promise<Pool> {
  const place = parsePool(setting);
  if (typeof place === 'string') throw errorOf('POOL_UNAVAILABLE', { detail: place });
  if (place.kind === 'file') return openFilePool({ directory: place.directory, log, ...options });
  const { vg, thinPool } = place;
  return openLvmPool({ vg, thinPool, ...options, ...lvm });
}
