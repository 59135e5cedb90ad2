import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type AccountStore, createAccounts } from '../../src/accounts/accounts.ts';
import { prepareFirstAdministrator } from '../../src/accounts/first-administrator.ts';
import { cheap, memoryStore } from './support/memory-store.ts';

async function two(t: ExecutionContext) {
  const store = memoryStore();
  const accounts = await createAccounts(store, { cost: cheap });
  await accounts.createFirst('admin', 'first');
  const admin = await accounts.verify('admin', 'first');
  if (!admin) throw t.fail();
  await accounts.put(admin, 'other', { password: 'second', role: 'admin' });
  const other = await accounts.verify('other', 'second');
  if (!other) throw t.fail();
  return { store, accounts, admin, other };
}

async function directory(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'pdisk-accounts-'));
  t.teardown(() => rm(path, { recursive: true }));
  return path;
}

const nobody = () => false;

async function createFirstAdministrator(...parts: Parameters<typeof prepareFirstAdministrator>) {
  const first = await prepareFirstAdministrator(...parts);
  await first?.create();
  return first;
}

test('of two administrators who demote each other at once one stays', async t => {
  const { accounts, admin, other } = await two(t);
  const outcomes = await Promise.allSettled([
    accounts.put(admin, 'other', { password: 'a password', role: 'user' }),
    accounts.put(other, 'admin', { password: 'a password', role: 'user' }),
  ]);
  t.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
});

test('of two administrators who remove each other at once one stays', async t => {
  const { accounts, admin, other, store } = await two(t);
  store.hold();
  const outcomes = Promise.allSettled([
    accounts.remove(admin, 'other', nobody),
    accounts.remove(other, 'admin', nobody),
  ]);
  store.letGo();
  t.deepEqual((await outcomes).map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  t.deepEqual([...store.records.keys()], ['admin']);
});

test('the last administrator cannot be removed or demoted, but may change the password', async t => {
  const { accounts, admin, store } = await two(t);
  await accounts.remove(admin, 'other', nobody);
  await t.throwsAsync(accounts.remove(admin, 'admin', nobody), { message: /last administrator/ });
  await t.throwsAsync(accounts.put(admin, 'admin', { password: 'x', role: 'service' }), {
    message: /last administrator/,
  });
  await accounts.put(admin, 'admin', { password: 'changed', role: 'admin' });
  t.like(await accounts.verify('admin', 'changed'), { role: 'admin' });
  t.is(store.records.size, 1);
});

test('a caller who is demoted while a password is hashed does not set it', async t => {
  const { accounts, admin, other, store } = await two(t);
  const putting = accounts.put(other, 'accomplice', { password: 'a password', role: 'admin' });
  await accounts.remove(admin, 'other', nobody);
  await t.throwsAsync(putting, { message: /credentials/ });
  t.false(store.records.has('accomplice'));
});

test('an account that owns disks is not removed, and stays usable', async t => {
  const { accounts, admin, other } = await two(t);
  await t.throwsAsync(
    accounts.remove(admin, 'other', name => name === 'other'),
    { message: /owns disks: other/ },
  );
  t.true(accounts.isCurrent(other));
});

test('an account that is being removed can do nothing from the decision on', async t => {
  const { accounts, admin, other, store } = await two(t);
  store.hold();
  const removing = accounts.remove(admin, 'other', nobody);
  t.false(accounts.isCurrent(other));
  t.is(await accounts.verify('other', 'second'), undefined);
  t.true(store.records.has('other'));
  store.letGo();
  await removing;
  t.false(store.records.has('other'));
});

test('an account that was removed can be made again', async t => {
  const { accounts, admin, store } = await two(t);
  await accounts.remove(admin, 'other', nobody);
  t.deepEqual(await accounts.put(admin, 'other', { password: 'third', role: 'user' }), { created: true });
  t.like(await accounts.verify('other', 'third'), { role: 'user' });
  t.is(store.records.get('other')?.role, 'user');
});

test('a write that the store refuses is answered STORE_FAILED', async t => {
  const failing: AccountStore = { ...memoryStore(), put: () => Promise.reject(new Error('no space left')) };
  const accounts = await createAccounts(failing, { cost: cheap });
  await t.throwsAsync(accounts.createFirst('admin', 'x'), { message: /the store refused/ });
});

test('the first start makes an administrator and keeps the password in a file of its own', async t => {
  const dataDir = await directory(t);
  const store = memoryStore();
  const accounts = await createAccounts(store, { cost: cheap });
  const first = await createFirstAdministrator(accounts, dataDir, undefined);
  if (first?.password === undefined) return t.fail();
  t.is(first.file, join(dataDir, 'admin-password'));
  t.regex(first.password, /^[\w-]{24}$/);
  t.is(await readFile(first.file, 'utf8'), `${first.password}\n`);
  t.is((await stat(first.file)).mode & 0o777, 0o600);
  t.like(await accounts.verify('admin', first.password), { account: 'admin', role: 'admin' });

  const restarted = await createAccounts(store, { cost: cheap });
  t.is(await createFirstAdministrator(restarted, dataDir, 'another'), undefined);
  t.is(await restarted.verify('admin', 'another'), undefined);
});

test('a chosen password is used instead of a random one, and is in no file', async t => {
  const dataDir = await directory(t);
  await writeFile(join(dataDir, 'admin-password'), 'of an interrupted start\n');
  const accounts = await createAccounts(memoryStore(), { cost: cheap });
  t.like(await createFirstAdministrator(accounts, dataDir, 'chosen by me'), { password: undefined });
  t.like(await accounts.verify('admin', 'chosen by me'), { role: 'admin' });
  t.deepEqual(await readdir(dataDir), []);
});

test('a chosen password obeys the rules for all passwords', async t => {
  const dataDir = await directory(t);
  const accounts = await createAccounts(memoryStore(), { cost: cheap });
  for (const chosen of ['x', 'long enough\n', `with a NUL \0`, 'x'.repeat(1025)]) {
    await t.throwsAsync(createFirstAdministrator(accounts, dataDir, chosen), {
      message: /^PDISK_ADMIN_PASSWORD must be at least 8 characters/,
    });
  }
  t.true(accounts.isEmpty());
});

test('a first start that was interrupted after the file is finished by the next, with the same password', async t => {
  const dataDir = await directory(t);
  const failing: AccountStore = { ...memoryStore(), put: () => Promise.reject(new Error('killed')) };
  await t.throwsAsync(
    createFirstAdministrator(await createAccounts(failing, { cost: cheap }), dataDir, undefined),
  );
  const kept = await readFile(join(dataDir, 'admin-password'), 'utf8');
  const accounts = await createAccounts(memoryStore(), { cost: cheap });
  const first = await createFirstAdministrator(accounts, dataDir, undefined);
  t.is(`${first?.password}\n`, kept);
  t.like(await accounts.verify('admin', kept.trim()), { role: 'admin' });
});

test('a password file that anybody may read is made private', async t => {
  const dataDir = await directory(t);
  await writeFile(join(dataDir, 'admin-password.new'), 'left over', { mode: 0o644 });
  const accounts = await createAccounts(memoryStore(), { cost: cheap });
  await createFirstAdministrator(accounts, dataDir, undefined);
  t.is((await stat(join(dataDir, 'admin-password'))).mode & 0o777, 0o600);
});

test('links in the place of the password file are followed neither for reading nor for writing', async t => {
  const dataDir = await directory(t);
  const other = join(dataDir, 'other');
  await writeFile(other, 'mine', { mode: 0o644 });
  await symlink(other, join(dataDir, 'admin-password.new'));
  const accounts = await createAccounts(memoryStore(), { cost: cheap });
  const first = await createFirstAdministrator(accounts, dataDir, undefined);
  t.is(await readFile(other, 'utf8'), 'mine');
  t.is((await stat(other)).mode & 0o777, 0o644);
  t.is(await readFile(join(dataDir, 'admin-password'), 'utf8'), `${first?.password}\n`);

  await rm(join(dataDir, 'admin-password'));
  await symlink(other, join(dataDir, 'admin-password'));
  const anew = await createAccounts(memoryStore(), { cost: cheap });
  await t.throwsAsync(createFirstAdministrator(anew, dataDir, undefined), { code: 'ELOOP' });
});
