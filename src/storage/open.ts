import { errorOf } from '../errors.ts';
import { openFilePool } from './file.ts';
import type { Pool } from './pool.ts';

/** Control characters would not survive the attribute of libvirt's disk XML that the path is put into. */
const FILE_SETTING = /^file:([^\p{Cc}]+)$/u;

/**
 * What the setting `pool` asks for, or a sentence that says what is allowed: for the configuration to refuse before anything
 * is opened.
 */
export function parsePool(setting: string): { kind: 'file'; directory: string } | string {
  const directory = FILE_SETTING.exec(setting)?.[1];
  if (directory !== undefined) return { kind: 'file', directory };
  return `'${setting}' is no pool: give file:DIR, a directory for the images`;
}

/**
 * Opens the pool that the setting `pool` names. Throws POOL_UNAVAILABLE with a sentence where the setting means nothing or the
 * place cannot be used.
 */
export async function openPool(
  setting: string,
  options: { overcommit: number; log?: { warn(sentence: string): void } },
): Promise<Pool> {
  const parsed = parsePool(setting);
  if (typeof parsed === 'string') throw errorOf('POOL_UNAVAILABLE', { detail: parsed });
  return openFilePool({ directory: parsed.directory, ...options });
}
