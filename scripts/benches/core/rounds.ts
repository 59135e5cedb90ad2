// Figures of a host that has other load or changes its speed are worth nothing alone. So each figure stands
// beside its floor from the same moments, and rounds in which the disk was slow do not count.
import type { Canary } from './canary.ts';

/**
 * The values of one measurement by name: `rate` in 1/s, all others in milliseconds unless their name says
 * otherwise.
 */
export type Sample = Readonly<Record<string, number>>;

/** One measurement of a subject and of its floor, with the host's own speed before and after. */
export interface Round {
  readonly ours: Sample;
  readonly floor: Sample;
  readonly before: Canary;
  readonly after: Canary;
}

/** In milliseconds: a synced write of a few bytes that takes longer is a sign of other load on the host. */
const FSYNC_LIMIT_MS = 1;
/** Why a round does not count; undefined where it does. */
export function objection({ before, after }: Pick<Round, 'before' | 'after'>): string | undefined {
  const fsyncMs = Math.max(before.fsyncMs, after.fsyncMs);
  return fsyncMs > FSYNC_LIMIT_MS ? `a synced write took ${fsyncMs.toFixed(2)} ms` : undefined;
}

/**
 * Measures a subject and its floor in turns, alternating which is first; measures the host's own speed
 * between rounds.
 */
export async function takeRounds(
  count: number,
  look: () => Promise<Canary>,
  measure: Readonly<Record<'ours' | 'floor', () => Promise<Sample>>>,
): Promise<Round[]> {
  const rounds: Round[] = [];
  let before = await look();
  for (let index = 0; index < count; index += 1) {
    const [first, second] = index % 2 === 0 ? (['floor', 'ours'] as const) : (['ours', 'floor'] as const);
    const found = { [first]: await measure[first](), [second]: await measure[second]() };
    const after = await look();
    rounds.push({ ours: found.ours ?? {}, floor: found.floor ?? {}, before, after });
    before = after;
  }
  return rounds;
}

/** The percentile by the nearest-rank method; `part` is from 0 to 1. NaN where there are no values. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * part) - 1))] ?? Number.NaN;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  const upper = sorted[Math.floor(half)] ?? Number.NaN;
  return Number.isInteger(half) ? ((sorted[half - 1] ?? Number.NaN) + upper) / 2 : upper;
}
