import { median, objection, percentile, type Round, type Sample } from './rounds.ts';

type Unit = '1/s' | 'ms' | 's' | 'MB';

/** The target of a figure: its value, or its ratio to its floor. */
export interface Aim {
  readonly of: 'value' | 'ratio';
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** The rounds of one measurement, and which of its figures are reported. */
export interface Measured {
  readonly what: string;
  /** What its floor is. */
  readonly beside: string;
  readonly rounds: readonly Round[];
  readonly figures: readonly {
    readonly name: string;
    /** The name of the value in the samples. */
    readonly key: string;
    readonly unit: Unit;
    readonly aim?: Aim;
  }[];
}

/** A row of the table. */
export interface Figure {
  readonly what: string;
  readonly beside: string;
  readonly name: string;
  readonly unit: Unit;
  /** Medians of the rounds that count; null where none does. */
  readonly ours: number | null;
  readonly floor: number | null;
  /** The median of the rounds' own ratios, the smallest and the largest of them. */
  readonly ratio: number | null;
  readonly ratios: readonly [least: number, most: number] | null;
  readonly aim: (Aim & { readonly met: boolean | null }) | null;
  readonly rounds: number;
  readonly counted: number;
}

const numberOrNull = (value: number): number | null => (Number.isFinite(value) ? value : null);

const values = (samples: readonly Sample[], key: string): number[] =>
  samples.flatMap(sample => sample[key] ?? []);

function isMet({ of, atLeast = 0, atMost = Number.POSITIVE_INFINITY }: Aim, ours: number, ratio: number) {
  const value = of === 'value' ? ours : ratio;
  return Number.isFinite(value) ? value >= atLeast && value <= atMost : null;
}

/** Calculates the figures of a measurement. */
export function figuresOf({ what, beside, rounds, figures }: Measured): Figure[] {
  const counted = rounds.filter(round => objection(round) === undefined);
  return figures.map(({ name, key, unit, aim }) => {
    const ours = median(
      values(
        counted.map(round => round.ours),
        key,
      ),
    );
    const floor = median(
      values(
        counted.map(round => round.floor),
        key,
      ),
    );
    const ratios = counted.map(round => (round.ours[key] ?? Number.NaN) / (round.floor[key] ?? Number.NaN));
    const ratio = median(ratios);
    return {
      what,
      beside,
      name,
      unit,
      ours: numberOrNull(ours),
      floor: numberOrNull(floor),
      ratio: numberOrNull(ratio),
      ratios: ratios.length > 0 ? [Math.min(...ratios), Math.max(...ratios)] : null,
      aim: aim ? { ...aim, met: isMet(aim, ours, ratio) } : null,
      rounds: rounds.length,
      counted: counted.length,
    };
  });
}

/** The percentiles of latencies, as a sample. */
export const latencySample = (ms: readonly number[]): Sample => ({
  p50: percentile(ms, 0.5),
  p99: percentile(ms, 0.99),
  max: Math.max(...ms),
});
