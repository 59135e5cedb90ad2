// The whole service under a seeded scheduler and a simulated clock: see docs/testing.md.
import test from 'ava';
import { planOf } from './plan.ts';
import { play } from './run.ts';
import { simulate } from './simulate.ts';

const STEPS = 200_000;

test.serial('a seed always gives the same run', async t => {
  const [one, another] = [await play(7, planOf(7, 250)), await play(7, planOf(7, 250))];
  t.deepEqual(one, another);
  t.true(one.operations > 100);
});

test.serial('whatever happens, nothing is lost, stuck or left over, and no answer is untrue', async t => {
  t.timeout(3_600_000);
  const { runs, operations, failures } = await simulate({ seed: 1, steps: STEPS });
  t.log(`${runs} runs, ${operations} operations`);
  t.is(failures.join('\n'), '');
});
