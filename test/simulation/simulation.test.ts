// The whole service under a seeded scheduler and a simulated clock: see docs/testing.md.
import test from 'ava';
import { planOf } from './plan.ts';
import { play } from './run.ts';
import { playSeeds } from './seeds.ts';

test.serial('a seed always gives the same run', async t => {
  const [one, another] = [await play(7, planOf(7, 250)), await play(7, planOf(7, 250))];
  t.deepEqual(one, another);
  t.true(one.operations > 100);
});

playSeeds(0);
