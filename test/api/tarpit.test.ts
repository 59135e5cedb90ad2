import test from 'ava';
import { createTarpit } from '../../src/api/tarpit.ts';
import { errorOf } from '../../src/errors.ts';

const tooMany = errorOf('TOO_MANY_LOGINS');

test('who is sent away is told later than who comes with something else', async t => {
  const hold = createTarpit();
  const told: string[] = [];
  const tell = (error: Error) => hold(error).catch((thrown: Error) => told.push(thrown.message));
  await Promise.all([tell(tooMany), tell(errorOf('STORE_FAILED')), tell(new Error('a fault'))]);
  t.deepEqual(told, [errorOf('STORE_FAILED').message, 'a fault', tooMany.message]);
});

test('no more than some are kept waiting', async t => {
  const hold = createTarpit();
  const told: number[] = [];
  const tell = (index: number) => hold(tooMany).catch(() => told.push(index));
  await Promise.all(Array.from({ length: 258 }, (_, index) => tell(index)));
  t.deepEqual(told.slice(0, 2), [256, 257]);
  t.is(told.length, 258);
});
