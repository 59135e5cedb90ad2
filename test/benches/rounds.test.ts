import test from 'ava';
import { figuresOf } from '../../scripts/benches/core/figures.ts';
import { median, objection, percentile, takeRounds } from '../../scripts/benches/core/rounds.ts';

const quick = { fsyncMs: 0.2, cpuMs: 10 };

test('a percentile is a value that was measured, by its nearest rank', t => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  t.is(percentile(values, 0.5), 50);
  t.is(percentile(values, 0.99), 99);
  t.is(percentile(values, 1), 100);
  t.is(percentile([7], 0.99), 7);
  t.true(Number.isNaN(percentile([], 0.5)));
});

test('the median of an even number of values lies between the two in the middle', t => {
  t.is(median([9, 1, 5]), 5);
  t.is(median([9, 1, 5, 7]), 6);
  t.true(Number.isNaN(median([])));
});

test('a round counts only if the disk was quick before and after it', t => {
  const slow = { ...quick, fsyncMs: 1.01 };
  t.is(objection({ before: quick, after: { fsyncMs: 1, cpuMs: 40 } }), undefined);
  t.is(objection({ before: slow, after: quick }), 'a synced write took 1.01 ms');
  t.is(objection({ before: quick, after: slow }), 'a synced write took 1.01 ms');
});

test('a measurement and its floor alternate, and each is first in every other round', async t => {
  const order: string[] = [];
  const measure = (name: string) => async () => {
    order.push(name);
    return { rate: order.length };
  };
  const look = async () => quick;
  const rounds = await takeRounds(2, look, { ours: measure('ours'), floor: measure('floor') });
  t.deepEqual(order, ['floor', 'ours', 'ours', 'floor']);
  t.deepEqual(
    rounds.map(({ ours, floor }) => [ours.rate, floor.rate]),
    [
      [2, 1],
      [3, 4],
    ],
  );
});

test('a figure is the median of the rounds that count, its ratio that of their own ratios', t => {
  const round = (ours: number, floor: number, fsyncMs = 0.2) => ({
    ours: { rate: ours },
    floor: { rate: floor },
    before: { ...quick, fsyncMs },
    after: quick,
  });
  const aim = { of: 'ratio', atLeast: 0.6 } as const;
  const measured = {
    what: 'reading',
    beside: 'nothing',
    rounds: [round(50, 100), round(80, 100), round(60, 50), round(1, 1000, 2)],
    figures: [{ name: 'rate', key: 'rate', unit: '1/s', aim }] as const,
  };
  const [figure] = figuresOf(measured);
  t.like(figure, { ours: 60, floor: 100, ratio: 0.8, rounds: 4, counted: 3, aim: { ...aim, met: true } });
  t.deepEqual(figure?.ratios, [0.5, 1.2]);

  const [none] = figuresOf({ ...measured, rounds: [round(1, 1, 2)] });
  t.like(none, {
    ours: null,
    floor: null,
    ratio: null,
    ratios: null,
    counted: 0,
    aim: { ...aim, met: null },
  });
});
