import type { Step } from './plan.ts';
import { type Outcome, play } from './run.ts';

/** A failing run, and the fewest steps that were found to fail. */
export interface Shrunk {
  readonly steps: readonly Step[];
  readonly outcome: Outcome;
  readonly tries: number;
}

/** The kind of a violation: its sentence without what differs from run to run. */
const kindOf = (sentence: string): string =>
  sentence.replaceAll(/[0-9a-f]{8}(-[0-9a-f-]+)?|\d+|'[^']*'/g, '').slice(0, 60);

/**
 * Leaves out steps of a failing run, first many and then few, as long as it fails in the same way. `most` is
 * how often it is played.
 */
export async function shrink(seed: number, steps: readonly Step[], most = 400): Promise<Shrunk> {
  let outcome = await play(seed, steps);
  const kind = kindOf(outcome.wrong[0] ?? '');
  let left = steps.slice(0, outcome.played);
  let tries = 0;

  async function failsWithout(from: number, count: number): Promise<boolean> {
    const fewer = [...left.slice(0, from), ...left.slice(from + count)];
    tries += 1;
    const again = await play(seed, fewer);
    if (kindOf(again.wrong[0] ?? '') !== kind) return false;
    left = fewer.slice(0, again.played);
    outcome = again;
    return true;
  }

  for (let size = Math.ceil(left.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    let isSmaller = false;
    for (let from = 0; from < left.length && tries < most; ) {
      if (await failsWithout(from, size)) isSmaller = true;
      else from += size;
    }
    // Once more with single steps, since one may have become needless by the loss of another.
    if (size === 1 && isSmaller && tries < most) size = 2;
  }
  return { steps: left, outcome, tries };
}
