import test from 'ava';
import { cpuSeconds, RUN_STEPS, simulate, sumOf } from './simulate.ts';

/** Runs of one test: so many that each takes some ten seconds, and the progress shows. */
const RUNS = 96;
/** Tests of one file. */
const PARTS = 9;

/**
 * Plays the seeds of one of two test files, `half` 0 or 1, which run at the same time; both together have
 * some 200,000 operations.
 */
export function playSeeds(half: 0 | 1): void {
  for (let part = 0; part < PARTS; part += 1) {
    const first = 1 + (half * PARTS + part) * RUNS;
    test.serial(
      `whatever happens, nothing is lost, stuck or left over, and no answer is untrue (seeds from ${first})`,
      async t => {
        t.timeout(3_600_000);
        const begun = cpuSeconds();
        const { runs, operations, failures } = await simulate({ seed: first, steps: RUNS * RUN_STEPS });
        t.log(sumOf(runs, operations, cpuSeconds() - begun));
        t.is(failures.join('\n'), '');
      },
    );
  }
}
