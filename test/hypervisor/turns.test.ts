import test from 'ava';
import { keyedMutex } from '../../src/lib/keyed-mutex.ts';
import { never } from './support/fake-node.ts';

test('each key of the mutex has its own queue', async t => {
  const take = keyedMutex();
  const order: string[] = [];
  const endA = await take('a', never());
  const second = take('a', never()).then(end => {
    order.push('second');
    return end;
  });
  const third = take('a', never()).then(end => {
    order.push('third');
    return end;
  });
  (await take('b', never()))();
  t.deepEqual(order, []);
  endA();
  (await second)();
  (await third)();
  t.deepEqual(order, ['second', 'third']);
});

test('when a waiter gives up, the next waiter still waits for the holder', async t => {
  const take = keyedMutex();
  const end = await take('a', never());
  const abort = new AbortController();
  const waiting = take('a', abort.signal);
  abort.abort(new Error('enough'));
  await t.throwsAsync(waiting, { message: 'enough' });
  let got = false;
  const next = take('a', never()).then(endNext => {
    got = true;
    return endNext;
  });
  await new Promise(resolve => setImmediate(resolve));
  t.false(got);
  end();
  (await next)();
  t.true(got);
});

test('a call with an aborted signal rejects and does not take the mutex', async t => {
  const take = keyedMutex();
  await t.throwsAsync(take('a', AbortSignal.abort(new Error('enough'))), { message: 'enough' });
  (await take('a', never()))();
});
