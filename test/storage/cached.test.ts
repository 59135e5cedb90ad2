import test from 'ava';
import { cached } from '../../src/storage/cached.ts';
import { gate } from '../rig/latch.ts';

test('what somebody has come to know better about is looked up again, once for all who ask', async t => {
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

/** A thing to look up, whose looks are counted and end when they are told to, on a clock that is set by hand. */
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

test('who asks first waits, and whoever asks meanwhile shares the answer', async t => {
  const { ask, looks } = lookedUp();
  const both = [ask(), ask()];
  t.is(looks.length, 1);
  looks[0]?.found(7);
  t.deepEqual(await Promise.all(both), [7, 7]);
  t.is(await ask(), 7);
  t.is(looks.length, 1);
});

test('after ten seconds it is looked up again, and nobody waits for that', async t => {
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

test('an answer that takes long to find is kept twenty times as long', async t => {
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

test('an answer that is overdue for too long is given to nobody', async t => {
  const { ask, looks, clock } = lookedUp();
  const first = ask();
  looks[0]?.found(1);
  await first;
  clock.ms = 70_001;
  const later = ask();
  looks[1]?.found(2);
  t.is(await later, 2);
});

test('after a look that failed nobody gets the answer before it', async t => {
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
