// The whole service under a seeded scheduler and a simulated clock: see docs/testing.md.
import test from 'ava';
import { planOf } from './plan.ts';
import { play } from './run.ts';
import { cpuSeconds, RUN_STEPS, simulate, sumOf } from './simulate.ts';

/** Seeds from 1 on, in several tests, so that their progress shows: about a minute of processor time. */
const PARTS = 4;
const RUNS = 100;

test.serial('a seed always gives the same run', async t => {
  const [one, another] = [await play(7, planOf(7, 250)), await play(7, planOf(7, 250))];
  t.deepEqual(one, another);
  t.true(one.operations > 100);
});

for (let part = 0; part < PARTS; part += 1) {
  test.serial(
    `whatever happens, nothing is lost, stuck or left over, and no answer is untrue (${part + 1})`,
    async t => {
      t.timeout(3_600_000);
      const begun = cpuSeconds();
      const { runs, operations, failures } = await simulate({
        seed: 1 + part * RUNS,
        steps: RUNS * RUN_STEPS,
      });
      t.log(sumOf(runs, operations, cpuSeconds() - begun));
      t.is(failures.join('\n'), '');
    },
  );
}
