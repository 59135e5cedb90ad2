import type { ThinPoolState } from './report.ts';

/** From here on nothing more is promised, in percent: what is promised already may still be written. */
const FULL = { data: 90, metadata: 80 };
/** At these uses a warning is given, in percent. */
const WARN = { data: 75, metadata: 60 };

/**
 * How many bytes a thin pool can promise in all: its size times the over-commit factor, less what others' volumes were promised; nothing
 * once its real use is high. Warns where it comes near.
 */
export function thinRoom(
  pool: ThinPoolState,
  overcommit: number,
  log: { warn(sentence: string): void } | undefined,
): number {
  const { dataPercent: data = 0, metadataPercent: metadata = 0 } = pool;
  if (data >= WARN.data || metadata >= WARN.metadata) {
    log?.warn(`the thin pool is ${data} % full of data and ${metadata} % of metadata`);
  }
  if (data >= FULL.data || metadata >= FULL.metadata) return 0;
  return Math.max(0, Math.floor(pool.bytes * overcommit) - pool.othersBytes);
}
