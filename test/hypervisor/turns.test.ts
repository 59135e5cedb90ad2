import test from 'ava';
import { keyedMutex } from '../../src/lib/keyed-mutex.ts';
import { never } from './helpers/fake-node.ts';

test('one key is one queue, another key another', async t => {
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

test('who gives up waiting lets nobody overtake the holder', async t => {
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

test('an aborted signal takes no turn', async t => {
  const take = keyedMutex();
  await t.throwsAsync(take('a', AbortSignal.abort(new Error('enough'))), { message: 'enough' });
  (await take('a', never()))();
});
