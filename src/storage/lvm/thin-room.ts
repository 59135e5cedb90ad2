import { levelOf } from '../fullness.ts';
import type { Use } from '../pool.ts';
import type { ThinPoolState } from './report.ts';

/** How full a thin pool is; nothing of what it does not say, as while it is not active. */
export const thinUse = ({ dataPercent, metadataPercent }: ThinPoolState): readonly Use[] => [
  ...(dataPercent === undefined ? [] : [{ what: 'data' as const, percent: dataPercent }]),
  ...(metadataPercent === undefined ? [] : [{ what: 'metadata' as const, percent: metadataPercent }]),
];

/**
 * How many bytes a thin pool can promise in all: its size times the over-commit factor, less what others' volumes were promised; nothing
 * once it is full, for what is promised already may still be written.
 */
export function thinRoom(pool: ThinPoolState, overcommit: number): number {
  if (thinUse(pool).some(use => levelOf(use) === 'full')) return 0;
  return Math.max(0, Math.floor(pool.bytes * overcommit) - pool.othersBytes);
}
