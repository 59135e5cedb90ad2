import test from 'ava';
import { type Accounts, createAccounts } from '../../src/accounts/accounts.ts';
import type { Caller } from '../../src/accounts/caller.ts';
import { defaultCost, hashPassword, matchesPassword } from '../../src/accounts/password.ts';
import { accountKinds } from '../../src/accounts/record.ts';
import { createVerifiedPasswords } from '../../src/accounts/verified-passwords.ts';
import { PdiskError } from '../../src/errors.ts';
import { cheap, memoryStore } from './support/memory-store.ts';

/** Slow enough that calls made at the same time meet in the queue. */
const slow = { ...defaultCost, cost: 2 ** 13 };

async function withAdministrator(options: Parameters<typeof createAccounts>[1] = {}) {
  const store = memoryStore();
  const accounts = await createAccounts(store, { cost: cheap, ...options });
  await accounts.createFirst('admin', 'first');
  return { store, accounts, admin: await caller(accounts, 'admin', 'first') };
}

async function caller(accounts: Accounts, name: string, password: string): Promise<Caller> {
  const found = await accounts.verify(name, password);
  if (!found) throw new Error(`${name} is not let in`);
  return found;
}

test('a password matches its hash and no other', async t => {
  const kept = await hashPassword('a ü b', defaultCost);
  t.true(await matchesPassword('a ü b', kept));
  t.false(await matchesPassword('a u b', kept));
  t.false(await matchesPassword('', kept));
  t.like(kept, { cost: 2 ** 15, blockSize: 8, parallelization: 1 });
  t.not((await hashPassword('a ü b', cheap)).salt, (await hashPassword('a ü b', cheap)).salt);
});

test('a hash made with another cost is still accepted', async t => {
  const { store } = await withAdministrator();
  const accounts = await createAccounts(store, { cost: { ...cheap, cost: 64 } });
  t.like(await accounts.verify('admin', 'first'), { account: 'admin', role: 'admin' });
});

test('what the store keeps fits the schema and holds no password', async t => {
  const { store } = await withAdministrator();
  const record = store.records.get('admin');
  t.deepEqual(accountKinds.account.schema.parse(JSON.parse(JSON.stringify(record))), record);
  t.false(JSON.stringify(record).includes('first'));
});

test('credentials that were right before are accepted at once', async t => {
  const { accounts, admin } = await withAdministrator();
  t.is(accounts.verify('admin', 'first'), admin);
});

test('unknown accounts take as much work as wrong passwords, impossible names none', async t => {
  const { accounts } = await withAdministrator({ cost: slow, waiting: { total: 0, ofKind: 0 } });
  const first = accounts.verify('nobody', 'x');
  t.true(first instanceof Promise);
  await t.throwsAsync(async () => accounts.verify('admin', 'wrong'), { message: /too many logins/ });
  t.is(await first, undefined);
  t.is(await accounts.verify('admin', 'wrong'), undefined);
  for (const name of ['', 'Admin', 'me', 'a b', 'admin\0first', '../x'])
    t.is(accounts.verify(name, 'first'), undefined);
});

test('logins beyond a short queue are refused, and accepted again when it is empty', async t => {
  const { accounts } = await withAdministrator({ cost: slow, waiting: { total: 3, ofKind: 3 } });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, async (_, index) => accounts.verify('admin', `guess ${index}`)),
  );
  const refused = outcomes.flatMap(outcome => (outcome.status === 'rejected' ? [outcome.reason] : []));
  t.is(refused.length, 16);
  t.true(refused.every(error => error instanceof PdiskError && error.code === 'TOO_MANY_LOGINS'));
  t.is(await accounts.verify('admin', 'another guess'), undefined);
});

test('the same credentials, many at once, are checked once', async t => {
  const { store } = await withAdministrator();
  const accounts = await createAccounts(store, { cost: slow, waiting: { total: 0, ofKind: 0 } });
  const callers = await Promise.all(Array.from({ length: 50 }, () => accounts.verify('admin', 'first')));
  t.true(callers.every(one => one?.account === 'admin'));
});

test('verified credentials are accepted while a flood of wrong ones waits', async t => {
  const { accounts, admin } = await withAdministrator({ cost: slow, waiting: { total: 2, ofKind: 2 } });
  const flood = Array.from({ length: 10 }, async (_, index) => accounts.verify('admin', `guess ${index}`));
  t.is(accounts.verify('admin', 'first'), admin);
  await Promise.allSettled(flood);
});

test('a new password, a new role and a removal end what was verified before', async t => {
  const { accounts, admin } = await withAdministrator();
  for (const change of [
    () => accounts.put(admin, 'one', { password: 'second password', role: 'user' }),
    () => accounts.put(admin, 'one', { password: 'first password', role: 'service' }),
    () => accounts.remove(admin, 'one', () => false),
  ]) {
    await accounts.put(admin, 'one', { password: 'first password', role: 'user' });
    const before = await caller(accounts, 'one', 'first password');
    t.true(accounts.isCurrent(before));
    await change();
    t.false(accounts.isCurrent(before));
    const after = await accounts.verify('one', 'first password');
    t.not(after, before);
  }
});

test('setting the password and role that are set already ends no credentials', async t => {
  const { accounts, admin } = await withAdministrator();
  await accounts.put(admin, 'cloud', { password: 'a password', role: 'service' });
  const cloud = await caller(accounts, 'cloud', 'a password');
  await accounts.put(admin, 'cloud', { password: 'a password', role: 'service' });
  t.true(accounts.isCurrent(cloud));
  t.is(accounts.verify('cloud', 'a password'), cloud);
});

test('a login that was being checked when the account changed is refused', async t => {
  const { accounts, admin } = await withAdministrator({ cost: slow });
  await accounts.put(admin, 'one', { password: 'a password', role: 'user' });
  const checking = accounts.verify('one', 'a password');
  await accounts.remove(admin, 'one', () => false);
  t.is(await checking, undefined);
});

test('a password that is not on disk yet is not accepted', async t => {
  const { accounts, admin, store } = await withAdministrator();
  store.hold();
  const put = accounts.put(admin, 'one', { password: 'a password', role: 'user' });
  let answered = false;
  const verified = Promise.resolve(accounts.verify('one', 'a password'));
  const later = put.then(() => accounts.verify('one', 'a password'));
  verified.then(() => {
    answered = true;
  });
  await accounts.verify('nobody', 'x');
  t.is(store.records.size, 1);
  store.letGo();
  t.like(await later, { account: 'one' });
  await verified;
  t.true(answered);
});

test('the credentials used last are remembered, no more than the limit', t => {
  const verified = createVerifiedPasswords<string>(2);
  const [a, b, c] = ['a', 'b', 'c'].map(name => verified.keyOf(name)) as [string, string, string];
  verified.set(a, 'a');
  verified.set(b, 'b');
  verified.get(a);
  verified.set(c, 'c');
  t.deepEqual([verified.get(a), verified.get(b), verified.get(c)], ['a', undefined, 'c']);
});

test('remembered credentials reveal nothing without the key of this process', t => {
  t.not(createVerifiedPasswords(1).keyOf('a'), createVerifiedPasswords(1).keyOf('a'));
  const { keyOf } = createVerifiedPasswords(1);
  t.is(keyOf('a'), keyOf('a'));
  t.not(keyOf('a'), keyOf('b'));
});
