import test from 'ava';
import { createAccounts } from '../../src/accounts/accounts.ts';
import type { Caller } from '../../src/accounts/caller.ts';
import { cheap, memoryStore } from './support/memory-store.ts';

async function site() {
  const store = memoryStore();
  const clock = { now: 1_000_000 };
  const options = { cost: cheap, now: () => clock.now };
  const accounts = await createAccounts(store, options);
  await accounts.createFirst('admin', 'first');
  const admin = (await accounts.verify('admin', 'first')) as Caller;
  await accounts.put(admin, 'one', { password: 'a password', role: 'user' });
  const one = (await accounts.verify('one', 'a password')) as Caller;
  return { store, clock, accounts, admin, one, restarted: () => createAccounts(store, options) };
}

test('a token stands for its account, also after a restart, and the store does not hold it', async t => {
  const { store, accounts, one, restarted } = await site();
  const { secret, id, expires } = await accounts.tokens.create(one, 'backup', 5000);
  t.is(expires, 1_005_000);
  for (const running of [accounts, await restarted()]) {
    t.like(running.verifyToken(secret), { account: 'one', role: 'user' });
    t.deepEqual(running.tokens.list(one), [{ id, name: 'backup', created: 1_000_000, expires }]);
    for (const wrong of [id, `${id}.`, `${secret}x`, secret.slice(0, -1), '', '.', 'x.y'])
      t.is(running.verifyToken(wrong), undefined);
  }
  t.false(JSON.stringify([...store.tokens]).includes(secret.split('.')[1] ?? ''));
});

test('a token ends when it expires, is deleted, or its account is deleted', async t => {
  const { store, clock, accounts, admin, one } = await site();
  const make = async () => {
    const { secret, id } = await accounts.tokens.create(one, 'x', 5000);
    const caller = accounts.verifyToken(secret) as Caller;
    t.true(accounts.isCurrent(caller));
    return { secret, id, caller };
  };
  const expiring = await make();
  clock.now += 5000;
  t.is(accounts.verifyToken(expiring.secret), undefined);
  t.false(accounts.isCurrent(expiring.caller));
  const removed = await make();
  await accounts.tokens.remove(one, removed.id);
  t.is(accounts.verifyToken(removed.secret), undefined);
  t.false(accounts.isCurrent(removed.caller));
  const orphan = await make();
  await accounts.remove(admin, 'one', () => false);
  t.is(accounts.verifyToken(orphan.secret), undefined);
  t.is(store.tokens.size, 0);
  await accounts.put(admin, 'one', { password: 'a password', role: 'user' });
  t.is(accounts.verifyToken(orphan.secret), undefined);
});

test('a new password ends the tokens of the account, the same password ends none', async t => {
  const { store, accounts, admin, one, restarted } = await site();
  const token = async (caller: Caller) => (await accounts.tokens.create(caller, 'x', 5000)).secret;
  const first = await token(one);
  const holder = accounts.verifyToken(first) as Caller;
  await accounts.put(admin, 'one', { password: 'a password', role: 'user' });
  t.true(accounts.isCurrent(holder));
  await accounts.setPassword(one, 'another password');
  const second = await token((await accounts.verify('one', 'another password')) as Caller);
  await accounts.put(admin, 'one', { password: 'a third password', role: 'user' });
  const third = await token((await accounts.verify('one', 'a third password')) as Caller);
  await accounts.put(admin, 'one', { password: 'a third password', role: 'service' });
  t.false(accounts.isCurrent(holder));
  t.is(store.tokens.size, 0);
  for (const running of [accounts, await restarted()])
    for (const secret of [first, second, third]) t.is(running.verifyToken(secret), undefined);
});

test('a token of a deleted account is not valid for a new account of the same name', async t => {
  const { store, accounts, admin, one, restarted } = await site();
  const { secret, id } = await accounts.tokens.create(one, 'x', 5000);
  const old = store.tokens.get(id);
  await accounts.remove(admin, 'one', () => false);
  await accounts.put(admin, 'one', { password: 'a password', role: 'user' });
  const anew = (await accounts.verify('one', 'a password')) as Caller;
  t.not(anew.id, one.id);
  // As in a store that has lost the deletion of the token.
  if (old) store.tokens.set(id, old);
  const again = await restarted();
  t.is(again.verifyToken(secret), undefined);
  t.is((await again.verify('one', 'a password'))?.id, anew.id);
});

test('accounts and tokens without ids, of older versions, stay valid', async t => {
  const { store, accounts, one, restarted } = await site();
  const { secret } = await accounts.tokens.create(one, 'x', 5000);
  for (const [name, { id: _, ...record }] of store.records) store.records.set(name, record);
  for (const [key, { accountId: _, ...record }] of store.tokens) store.tokens.set(key, record);
  const running = await restarted();
  t.like(running.verifyToken(secret), { account: 'one', id: undefined });
  t.like(await running.verify('one', 'a password'), { account: 'one', id: undefined });
});

test('a token of an administrator makes no accounts and sets no passwords', async t => {
  const { accounts, admin } = await site();
  const { secret } = await accounts.tokens.create(admin, 'x', 5000);
  const holder = accounts.verifyToken(secret) as Caller;
  for (const name of ['admin', 'one', 'new'])
    for (const role of ['admin', 'user'] as const)
      await t.throwsAsync(accounts.put(holder, name, { password: 'a password', role }), {
        code: 'FORBIDDEN',
        message: /a token makes no accounts/,
      });
  t.is(await accounts.verify('admin', 'a password'), undefined);
  await accounts.setQuota(holder, 'one', { disks: 1, sizeGiB: 1 });
  await accounts.remove(holder, 'one', () => false);
});

test('a token makes no tokens and sets no password', async t => {
  const { accounts, one } = await site();
  const caller = accounts.verifyToken((await accounts.tokens.create(one, 'x', 5000)).secret) as Caller;
  await t.throwsAsync(accounts.tokens.create(caller, 'y', 5000), { code: 'FORBIDDEN' });
  await t.throwsAsync(accounts.setPassword(caller, 'another password'), { code: 'FORBIDDEN' });
});

test('only an account and administrators may delete its tokens, of which there are at most 100', async t => {
  const { clock, accounts, admin, one } = await site();
  const { id } = await accounts.tokens.create(admin, 'x', 5000);
  t.deepEqual(accounts.tokens.list(one), []);
  await t.throwsAsync(accounts.tokens.remove(one, id), { code: 'TOKEN_UNKNOWN' });
  const mine = await accounts.tokens.create(one, 'x', 5000);
  await accounts.tokens.remove(admin, mine.id);
  for (let i = 0; i < 100; i += 1) await accounts.tokens.create(one, 'x', 5000);
  await t.throwsAsync(accounts.tokens.create(one, 'x', 5000), { code: 'TOKEN_LIMIT' });
  clock.now += 5000;
  await accounts.tokens.create(one, 'x', 5000);
  t.is(accounts.tokens.list(one).length, 1);
});

test('a changed password is accepted, the old one is not', async t => {
  const { accounts, one, restarted } = await site();
  await accounts.setPassword(one, 'another password');
  t.false(accounts.isCurrent(one));
  for (const running of [accounts, await restarted()]) {
    t.is(await running.verify('one', 'a password'), undefined);
    t.like(await running.verify('one', 'another password'), { account: 'one', role: 'user' });
  }
});
