import test from 'ava';
import { cached } from '../../src/storage/cached.ts';
import { gate } from '../../testkit/latch.ts';

test('a value that is no longer valid is looked up again, once for all callers', async t => {
  let counts = true;
  let looks = 0;
  const ask = cached(
    async () => {
      looks += 1;
      return looks;
    },
    { counts: () => counts, now: () => 0 },
  );
  t.deepEqual([await ask(), await ask()], [1, 1]);
  counts = false;
  t.deepEqual(await Promise.all([ask(), ask()]), [2, 2]);
  counts = true;
  t.is(await ask(), 2);
});

/** A cache whose look-ups are recorded and end when the test says so, with a clock that the test sets. */
function lookedUp() {
  const looks: { found(value: number): void; failed(error: Error): void }[] = [];
  const clock = { ms: 0 };
  const ask = cached(
    () =>
      new Promise<number>((found, failed) => {
        looks.push({ found, failed });
      }),
    { overdueMs: 60_000, now: () => clock.ms },
  );
  return { ask, looks, clock };
}

test('callers during the first look-up wait and share its value', async t => {
  const { ask, looks } = lookedUp();
  const both = [ask(), ask()];
  t.is(looks.length, 1);
  looks[0]?.found(7);
  t.deepEqual(await Promise.all(both), [7, 7]);
  t.is(await ask(), 7);
  t.is(looks.length, 1);
});

test('after ten seconds the value is refreshed in the background', async t => {
  const { ask, looks, clock } = lookedUp();
  const first = ask();
  looks[0]?.found(1);
  await first;
  clock.ms = 10_001;
  t.is(await ask(), 1);
  t.is(await ask(), 1);
  t.is(looks.length, 2);
  const { opened, open } = gate();
  looks[1]?.found(2);
  setImmediate(open);
  await opened;
  t.is(await ask(), 2);
  t.is(looks.length, 2);
});

test('a value is fresh for twenty times as long as its look-up took', async t => {
  const { ask, looks, clock } = lookedUp();
  const first = ask();
  clock.ms = 2000;
  looks[0]?.found(1);
  await first;
  clock.ms = 41_999;
  t.is(await ask(), 1);
  t.is(looks.length, 1);
  clock.ms = 42_001;
  t.is(await ask(), 1);
  t.is(looks.length, 2);
});

test('a value that is overdue for too long is not returned', async t => {
  const { ask, looks, clock } = lookedUp();
  const first = ask();
  looks[0]?.found(1);
  await first;
  clock.ms = 70_001;
  const later = ask();
  looks[1]?.found(2);
  t.is(await later, 2);
});

test('after a look-up that failed the old value is not returned', async t => {
  const { ask, looks, clock } = lookedUp();
  const first = ask();
  looks[0]?.found(1);
  await first;
  clock.ms = 10_001;
  t.is(await ask(), 1);
  const { opened, open } = gate();
  looks[1]?.failed(new Error('gone'));
  setImmediate(open);
  await opened;
  const failing = ask();
  looks[2]?.failed(new Error('gone still'));
  await t.throwsAsync(failing, { message: 'gone still' });
});
