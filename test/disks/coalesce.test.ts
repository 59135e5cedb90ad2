import test from 'ava';
import { coalesce } from '../../src/lib/coalesce.ts';

/** A question that the test answers when it likes, with numbers in the order of the calls. */
function question() {
  const waiting: { answer(): void; fail(error: Error): void }[] = [];
  let asked = 0;
  const ask = coalesce(
    () =>
      new Promise<number>((resolve, reject) => {
        asked += 1;
        const mine = asked;
        waiting.push({ answer: () => resolve(mine), fail: reject });
      }),
  );
  return { ask, waiting, asked: () => asked };
}

const settle = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

test('callers that come while a question is open share the next question and its answer', async t => {
  const { ask, waiting, asked } = question();
  const all = Array.from({ length: 9 }, () => ask());
  await settle();
  t.is(asked(), 1, 'one at a time');
  waiting[0]?.answer();
  await settle();
  t.is(asked(), 2);
  const late = ask();
  waiting[1]?.answer();
  await settle();
  t.deepEqual(await Promise.all(all), [1, ...Array.from({ length: 8 }, () => 2)]);
  t.is(asked(), 3);
  waiting[2]?.answer();
  t.is(await late, 3);
});

test('no caller gets an answer to a question that began before its call', async t => {
  const { ask, waiting } = question();
  const first = ask();
  const second = ask();
  waiting[0]?.answer();
  // At every microtask between the first answer and the second question.
  const between: Promise<number>[] = [];
  for (let step = 0; step < 6; step += 1) {
    await Promise.resolve();
    between.push(ask());
  }
  for (let round = 0; round < 4; round += 1) {
    for (const { answer } of waiting) answer();
    await settle();
  }
  t.is(await first, 1);
  t.is(await second, 2);
  t.true(Math.min(...(await Promise.all(between))) >= 2);
});

test('a call after the last answer begins a new question', async t => {
  const { ask, waiting } = question();
  const first = ask();
  waiting[0]?.answer();
  t.is(await first, 1);
  await settle();
  const second = ask();
  waiting[1]?.answer();
  t.is(await second, 2);
});

test('a failure reaches the callers of that question, and not those of the next', async t => {
  const { ask, waiting } = question();
  const all = [ask(), ask(), ask()];
  const outcomes = Promise.allSettled(all);
  waiting[0]?.fail(new Error('first'));
  await settle();
  waiting[1]?.fail(new Error('second'));
  await settle();
  const after = ask();
  waiting[2]?.answer();
  t.is(await after, 3);
  t.deepEqual(
    (await outcomes).map(one => (one.status === 'rejected' ? one.reason.message : one.value)),
    ['first', 'second', 'second'],
  );
});
