import test from 'ava';
import { createLoginDelay } from '../../src/api/access/login-delay.ts';
import { errorOf } from '../../src/errors.ts';

const tooMany = errorOf('TOO_MANY_LOGINS');

test('the refusal of a login is delayed, other refusals are not', async t => {
  const hold = createLoginDelay(2000);
  const told: string[] = [];
  const tell = (error: Error) => hold(error).catch((thrown: Error) => told.push(thrown.message));
  await Promise.all([tell(tooMany), tell(errorOf('STORE_FAILED')), tell(new Error('a fault'))]);
  t.deepEqual(told, [errorOf('STORE_FAILED').message, 'a fault', tooMany.message]);
});

test('the number of delayed refusals is limited', async t => {
  const hold = createLoginDelay(2000);
  const told: number[] = [];
  const tell = (index: number) => hold(tooMany).catch(() => told.push(index));
  await Promise.all(Array.from({ length: 258 }, (_, index) => tell(index)));
  t.deepEqual(told.slice(0, 2), [256, 257]);
  t.is(told.length, 258);
});

test('where few requests may be in progress, delayed refusals leave room for others', async t => {
  const hold = createLoginDelay(8);
  const told: number[] = [];
  const tell = (index: number) => hold(tooMany).catch(() => told.push(index));
  await Promise.all(Array.from({ length: 4 }, (_, index) => tell(index)));
  t.deepEqual(told.slice(0, 2), [2, 3]);
});
