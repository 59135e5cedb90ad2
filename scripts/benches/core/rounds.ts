// Figures of a machine that others use, too, or that changes its speed by itself, are worth nothing alone: each stands beside its
// floor from the same moments, and moments in which its disk was slow do not count.
import type { Canary } from './canary.ts';

/** What one measurement found, by name: `rate` in 1/s, all others in milliseconds unless their name says otherwise. */
export type Sample = Readonly<Record<string, number>>;

export interface Round {
  readonly ours: Sample;
  readonly floor: Sample;
  readonly before: Canary;
  readonly after: Canary;
}

/** A synced write of a few bytes that takes longer than this, in milliseconds, is a machine that others are using. */
const FSYNC_LIMIT_MS = 1;
/** Why a round does not count; undefined where it does. */
export function objection({ before, after }: Pick<Round, 'before' | 'after'>): string | undefined {
  const fsyncMs = Math.max(before.fsyncMs, after.fsyncMs);
  return fsyncMs > FSYNC_LIMIT_MS ? `a synced write took ${fsyncMs.toFixed(2)} ms` : undefined;
}

/** Measures a thing and its floor in turns, beginning with another one each time, with a look at the machine between rounds. */
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

/** The value below which `part` of the values lie: the nearest rank. NaN where there are none. */
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
