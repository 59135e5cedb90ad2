import test from 'ava';
import { errorOf } from '../../src/errors.ts';
import { type Fullness, levelOf, watchFullness } from '../../src/storage/fullness.ts';
import type { Use } from '../../src/storage/pool.ts';

test('thresholds of data are 75 and 90 %, of metadata 60 and 80 %', t => {
  const levels = (what: Use['what'], ...percents: number[]) =>
    percents.map(percent => levelOf({ what, percent }));
  t.deepEqual(levels('data', 74.9, 75, 89.9, 90, 100), ['ok', 'high', 'high', 'full', 'full']);
  t.deepEqual(levels('metadata', 59.9, 60, 79.9, 80, 100), ['ok', 'high', 'high', 'full', 'full']);
});

test('each level is reported once, and ends some percent below its threshold', async t => {
  const told: string[] = [];
  let percent = 0;
  const watch = watchFullness({
    pool: { use: async () => [{ what: 'data', percent }] },
    everyMs: 3_600_000,
    tell: ({ level, percent }: Fullness) => told.push(`${percent} ${level}`),
    log: { warn: () => {} },
  });
  t.teardown(watch.stop);
  for (percent of [10, 75, 76, 74, 73.1, 90, 91, 89, 88.1, 87, 72, 75]) await watch.look();
  t.deepEqual(told, ['75 high', '90 full', '87 high', '72 ok', '75 high']);
  t.deepEqual(watch.now(), [{ what: 'data', percent: 75, level: 'high' }]);
});

test('a pool that fails changes no level; its failure and its recovery are logged once each', async t => {
  const told: Fullness[] = [];
  const lines: string[] = [];
  let percent = 80;
  const use = async (): Promise<Use[]> => {
    if (Number.isNaN(percent)) throw errorOf('POOL_UNAVAILABLE', { detail: 'away' });
    return [{ what: 'data', percent }];
  };
  const tell = (change: Fullness) => told.push(change);
  const watch = watchFullness({
    pool: { use },
    everyMs: 3_600_000,
    tell,
    log: { warn: line => lines.push(line) },
  });
  t.teardown(watch.stop);
  await watch.look();
  percent = Number.NaN;
  await watch.look();
  await watch.look();
  percent = 81;
  await watch.look();
  t.deepEqual(told, [{ what: 'data', percent: 80, level: 'high' }]);
  t.deepEqual(lines, [
    'the pool is 80 % full of data: high',
    'the pool cannot be used: away',
    'the pool can be used again',
  ]);
});
