import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { createAccounts } from '../../src/accounts/accounts.ts';
import { fairQueue } from '../../src/accounts/fair-queue.ts';
import { createThrottle } from '../../src/accounts/throttle.ts';
import { PdiskError } from '../../src/errors.ts';
import { cheap, memoryStore } from './support/memory-store.ts';

const HERE = '7f000001';
const THERE = '0a000001';

async function site() {
  const store = memoryStore();
  const clock = { now: 1_000_000 };
  const start = () => createAccounts(store, { cost: cheap, now: () => clock.now });
  const accounts = await start();
  await accounts.createFirst('admin', 'first');
  return { clock, accounts, restarted: start };
}

async function guess(
  accounts: Awaited<ReturnType<typeof site>>['accounts'],
  times: number,
  address: string,
  name = 'admin',
) {
  const outcomes: string[] = [];
  for (let i = 0; i < times; i += 1) {
    try {
      outcomes.push((await accounts.verify(name, `guess ${i} ${Math.random()}`, address)) ? 'in' : 'wrong');
    } catch (error) {
      outcomes.push(error instanceof PdiskError ? `wait ${error.retryAfterS}` : 'failed');
    }
  }
  return outcomes;
}

test('from the sixth wrong try of an account and address on, each waits longer, at most 30 s', async t => {
  const { clock, accounts } = await site();
  t.deepEqual(await guess(accounts, 7, HERE), [...Array(5).fill('wrong'), 'wait 1', 'wait 1']);
  const waits = [];
  for (let round = 0; round < 7; round += 1) {
    const [wait = ''] = await guess(accounts, 1, HERE);
    waits.push(wait);
    clock.now += Number(wait.slice(5)) * 1000;
    t.deepEqual(await guess(accounts, 1, HERE), ['wrong']);
  }
  t.deepEqual(waits, ['wait 1', 'wait 2', 'wait 4', 'wait 8', 'wait 16', 'wait 30', 'wait 30']);
  clock.now += 600_000;
  t.deepEqual(await guess(accounts, 5, HERE), Array(5).fill('wrong'));
});

test('the delay is never per account or per address alone', async t => {
  const { accounts } = await site();
  await guess(accounts, 10, HERE);
  t.like(await accounts.verify('admin', 'first', THERE), { account: 'admin' });
  t.deepEqual(await guess(accounts, 1, HERE, 'other'), ['wrong']);
});

test('an account that does not exist is slowed like one that does', async t => {
  const { accounts } = await site();
  t.deepEqual(await guess(accounts, 7, HERE, 'nobody'), await guess(accounts, 7, HERE, 'admin'));
});

test('credentials that were right before are accepted while their own pair is slowed', async t => {
  const { accounts } = await site();
  await accounts.verify('admin', 'first', HERE);
  await guess(accounts, 10, HERE);
  t.like(await accounts.verify('admin', 'first', HERE), { account: 'admin' });
});

test('a right password resets the count of wrong ones', async t => {
  const { accounts } = await site();
  await guess(accounts, 4, HERE);
  await accounts.verify('admin', 'first', HERE);
  t.deepEqual(await guess(accounts, 5, HERE), Array(5).fill('wrong'));
});

test('one half of an IPv6 address is one client, and IPv4 in IPv6 is IPv4', async t => {
  const { accounts } = await site();
  const v6 = (rest: string) => `20010db800000001${rest.padStart(16, '0')}`;
  for (let i = 0; i < 5; i += 1) await guess(accounts, 1, v6(String(i)));
  t.deepEqual(await guess(accounts, 1, v6('99')), ['wait 1']);
  await guess(accounts, 5, `${'0'.repeat(20)}ffff${HERE}`);
  t.deepEqual(await guess(accounts, 1, HERE), ['wait 1']);
});

test('the queue is round-robin between sources, and the source that fills it gives way', async t => {
  const queue = fairQueue({ total: 4, ofKind: 3 });
  const order: string[] = [];
  let open = (): void => {};
  const gate = new Promise<void>(resolve => {
    open = resolve;
  });
  const job = (source: string, kind: string) =>
    queue(source, kind, async () => {
      await gate;
      order.push(source + kind);
    }).catch(() => order.push(`${source}${kind} away`));
  const flood = ['1', '2', '2', '2', '2', '3'].map(kind => job('a', kind));
  await setImmediate();
  t.deepEqual(order, ['a2 away']);
  const others = [job('b', '1'), job('b', '1')];
  await setImmediate();
  open();
  await Promise.all([...flood, ...others]);
  t.deepEqual(order, ['a2 away', 'a3 away', 'a2 away', 'a1', 'a2', 'b1', 'a2', 'b1']);
});

test('after a job that fails, the next one runs', async t => {
  const queue = fairQueue({ total: 4, ofKind: 4 });
  const failing = queue('a', '', () => Promise.reject(new Error('no')));
  const next = queue('a', '', async () => 'done');
  await t.throwsAsync(failing, { message: 'no' });
  t.is(await next, 'done');
  t.is(await queue('a', '', async () => 'again'), 'again');
});

test('no more failures are remembered than the limit', t => {
  const throttle = createThrottle(2, () => 1);
  for (const key of ['a', 'b', 'c']) for (let i = 0; i < 6; i += 1) throttle.failed(key);
  t.deepEqual(
    ['a', 'b', 'c'].map(key => throttle.waitMs(key) > 0),
    [false, true, true],
  );
});
