import { levelOf } from '../fullness.ts';
import type { Use } from '../pool.ts';
import type { ThinPoolState } from './report.ts';

/**
 * The use of a thin pool; without a resource whose use LVM does not report, as while the pool is not active.
 */
export const thinUse = ({ dataPercent, metadataPercent }: ThinPoolState): readonly Use[] => [
  ...(dataPercent === undefined ? [] : [{ what: 'data' as const, percent: dataPercent }]),
  ...(metadataPercent === undefined ? [] : [{ what: 'metadata' as const, percent: metadataPercent }]),
];

/**
 * How many bytes of a thin pool may be promised to disks in all: its size times the overcommit factor, minus
 * the sizes of the volumes in it that are not ours. 0 once the pool is full, because guests may still write
 * to the existing disks.
 */
export function thinRoom(pool: ThinPoolState, overcommit: number): number {
  if (thinUse(pool).some(use => levelOf(use) === 'full')) return 0;
  return Math.max(0, Math.floor(pool.bytes * overcommit) - pool.othersBytes);
}
