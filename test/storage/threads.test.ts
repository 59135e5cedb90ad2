import test from 'ava';
import { inThread, NotBegun } from '../../src/storage/threads.ts';
import { gate } from '../../testkit/latch.ts';

/** Half of libuv's threads. */
const HALF = Math.floor((Number(process.env.UV_THREADPOOL_SIZE) || 4) / 2);

test.serial('a pool’s calls use at most half of the threads, first in, first out', async t => {
  const gates = Array.from({ length: HALF + 2 }, gate);
  const begun: number[] = [];
  const calls = gates.map(({ opened }, index) =>
    inThread(() => {
      begun.push(index);
      return opened;
    }),
  );
  const last = calls.at(-1);
  t.deepEqual(begun, [...Array(HALF).keys()]);
  for (const { open } of gates) open();
  await Promise.all(calls);
  await last;
  t.deepEqual(begun, [...gates.keys()]);
});

test.serial('a call that is aborted while it waits is not made', async t => {
  const held = gate();
  const holders = Array.from({ length: HALF }, () => inThread(() => held.opened));
  const abort = new AbortController();
  let made = false;
  const waiting = inThread(async () => {
    made = true;
  }, abort.signal);
  abort.abort(new Error('deadline'));
  await t.throwsAsync(waiting, { instanceOf: NotBegun });
  held.open();
  await Promise.all(holders);
  t.false(made);
  t.is(await inThread(async () => 7), 7);
  await t.throwsAsync(
    inThread(async () => 7, abort.signal),
    { instanceOf: NotBegun },
  );
});

test.serial('a call that fails frees its thread', async t => {
  for (let times = 0; times <= HALF; times += 1) {
    await t.throwsAsync(
      inThread(async () => {
        throw new Error('EIO');
      }),
      { message: 'EIO' },
    );
  }
  t.is(await inThread(async () => 7), 7);
});
