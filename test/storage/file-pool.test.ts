import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { PdiskError } from '../../src/errors.ts';
import { birthOf } from '../../src/storage/birth.ts';
import { openFilePool } from '../../src/storage/file.ts';
import type { Pool } from '../../src/storage/pool.ts';
import { uuidsIn, writeAt } from './support/pool-suite.ts';

const never = (): AbortSignal => new AbortController().signal;
const GIB = 2 ** 30;

// A strict umask: the modes below must not depend on it.
process.umask(0o077);

async function freshPool(t: ExecutionContext, overcommit = 1): Promise<{ pool: Pool; directory: string }> {
  const parent = await mkdtemp(join(tmpdir(), 'pdisk-pool-'));
  t.teardown(() => rm(parent, { recursive: true }));
  const directory = join(parent, 'pool');
  return { pool: await openFilePool({ directory, overcommit, owner: 'tests' }), directory };
}

async function failureOf(t: ExecutionContext, promise: Promise<unknown>): Promise<PdiskError> {
  return (await t.throwsAsync(promise, { instanceOf: PdiskError })) as PdiskError;
}

test('a volume is a sparse file of the exact size, readable by its owner only', async t => {
  const { pool, directory } = await freshPool(t);
  const uuid = randomUUID();
  await pool.create(uuid, 3, never());
  const { type, path } = pool.source(uuid);
  t.is(type, 'file');
  t.is(path, join(directory, `${uuid}.raw`));
  const found = await stat(path);
  t.is(found.size, 3 * GIB);
  t.is(found.mode & 0o777, 0o600);
  t.true(found.blocks < 100);
  t.is((await stat(directory)).mode & 0o777, 0o711);
  t.deepEqual(await uuidsIn(pool), [uuid]);
});

test('making a volume again changes nothing, and fails with another size', async t => {
  const { pool } = await freshPool(t);
  const uuid = randomUUID();
  await pool.create(uuid, 1, never());
  const { path } = pool.source(uuid);
  const before = await stat(path);
  await pool.create(uuid, 1, never());
  t.is((await stat(path)).ino, before.ino);
  const error = await failureOf(t, pool.create(uuid, 2, never()));
  t.is(error.code, 'VOLUME_FAILED');
  t.regex(error.message, /is there already/);
  t.is((await stat(path)).size, GIB);
});

test('removing a volume is idempotent and leaves nothing', async t => {
  const { pool, directory } = await freshPool(t);
  const uuid = randomUUID();
  await pool.create(uuid, 1, never());
  await pool.delete(uuid, never());
  await pool.delete(uuid, never());
  t.deepEqual(await readdir(directory), []);
});

test('a creation that a crash has interrupted can be completed or undone', async t => {
  const { pool, directory } = await freshPool(t);
  const [again, undone] = [randomUUID(), randomUUID()];
  for (const uuid of [again, undone]) await writeFile(pool.source(uuid).path, '');
  await pool.create(again, 1, never());
  t.is((await stat(pool.source(again).path)).size, GIB);
  await pool.delete(undone, never());
  t.deepEqual(await readdir(directory), [`${again}.raw`]);
});

test('a file that is not empty is never used as a volume', async t => {
  const { pool } = await freshPool(t);
  const uuid = randomUUID();
  const { path } = pool.source(uuid);
  await writeFile(path, 'precious');
  t.regex((await failureOf(t, pool.create(uuid, 1, never()))).message, /is there already, with 8 bytes/);
  t.is(await readFile(path, 'utf8'), 'precious');
});

test('other files are neither listed nor touched', async t => {
  const { pool, directory } = await freshPool(t);
  const others = ['notes.txt', 'x.raw', `${randomUUID()}.qcow2`, `${randomUUID()}.raw.bak`].sort();
  for (const name of others) await writeFile(join(directory, name), 'precious');
  await pool.begin(false);
  t.deepEqual(await uuidsIn(pool), []);
  t.deepEqual((await readdir(directory)).sort(), ['.pdisk-owner', ...others]);
});

test('a file with a UUID in its name that is no image is a stranger', async t => {
  const { pool, directory } = await freshPool(t);
  const uuid = randomUUID();
  await pool.create(uuid, 1, never());
  const names = [`${uuid}.bk`, `${uuid}.raw.snap`, `.${uuid}.raw.new`, `${uuid} of\nyesterday`].sort();
  for (const name of names) await writeFile(join(directory, name), 'backup');
  const linked = randomUUID();
  await symlink('/dev/null', join(directory, `${linked}.raw`));
  await writeFile(join(directory, 'notes.txt'), 'notes');
  t.deepEqual(await uuidsIn(pool), [uuid]);
  const found = [...(await pool.strangers())].sort((a, b) => (a.name < b.name ? -1 : 1));
  const link = { name: `${linked}.raw`, uuid: linked, bytes: '/dev/null'.length };
  const expected = [...names.map(name => ({ name, uuid, bytes: 6 })), link];
  t.deepEqual(
    found,
    expected.sort((a, b) => (a.name < b.name ? -1 : 1)),
  );
});

test('an aborted creation can be undone while it may still run', async t => {
  const { pool, directory } = await freshPool(t);
  const outcomes = new Set<string>();
  for (let steps = 0; steps < 40; steps += 1) {
    const uuid = randomUUID();
    const abort = new AbortController();
    const making = pool.create(uuid, 1, abort.signal).then(
      () => 'made',
      (error: unknown) => (error instanceof PdiskError ? error.code : 'other'),
    );
    // Each round aborts at another point of the creation.
    for (let i = 0; i < steps; i += 1) await new Promise(resolve => setImmediate(resolve));
    abort.abort(new Error('deadline'));
    await pool.delete(uuid, never());
    outcomes.add(await making);
    t.deepEqual(await readdir(directory), []);
  }
  outcomes.delete('made');
  outcomes.delete('POOL_BUSY');
  t.deepEqual([...outcomes], ['VOLUME_FAILED']);
});

test('many volumes can be made and removed concurrently', async t => {
  const { pool } = await freshPool(t);
  const uuids = Array.from({ length: 200 }, () => randomUUID());
  await Promise.all(uuids.map(uuid => pool.create(uuid, 1, never())));
  t.deepEqual([...(await uuidsIn(pool))].sort(), [...uuids].sort());
  await Promise.all(uuids.map(uuid => pool.delete(uuid, never())));
  t.deepEqual(await uuidsIn(pool), []);
});

test('the promisable bytes are free space plus the space of the images, times the overcommit factor', async t => {
  const { pool, directory } = await freshPool(t, 1);
  const twice = await openFilePool({ directory, overcommit: 2, owner: 'tests' });
  const once = await pool.promisableBytes();
  t.true(once > 0);
  // Other programs use this file system, too.
  const ratio = (await twice.promisableBytes()) / once;
  t.true(ratio > 1.9 && ratio < 2.1, `${ratio}`);
});

test('without its directory the pool is unavailable, and creation and removal fail', async t => {
  const { pool, directory } = await freshPool(t);
  await rm(directory, { recursive: true });
  t.is((await failureOf(t, pool.list())).code, 'POOL_UNAVAILABLE');
  t.is((await failureOf(t, pool.promisableBytes())).code, 'POOL_UNAVAILABLE');
  const failed = await failureOf(t, pool.create(randomUUID(), 1, never()));
  t.is(failed.code, 'VOLUME_FAILED');
  t.regex(failed.message, /ENOENT/);
  t.is((await failureOf(t, pool.delete(randomUUID(), never()))).code, 'REMOVE_FAILED');
});

test('a pool cannot be opened if its directory cannot be created', async t => {
  const error = await failureOf(
    t,
    openFilePool({ directory: '/dev/null/pool', overcommit: 1, owner: 'tests' }),
  );
  t.is(error.code, 'POOL_UNAVAILABLE');
  t.regex(error.message, /ENOTDIR/);
});

test('the list shows whether anything was ever written to an image', async t => {
  const { pool } = await freshPool(t);
  const [empty, written] = [randomUUID(), randomUUID()];
  for (const uuid of [empty, written]) await pool.create(uuid, 1, never());
  await writeAt(pool.source(written).path, GIB / 2, Buffer.from('precious'));
  const room = new Map((await pool.list()).map(({ uuid, writtenBytes }) => [uuid, writtenBytes]));
  t.is(room.get(empty), 0);
  t.true((room.get(written) ?? 0) > 0);
});

test('birthOf is the time of birth of the image file, and undefined if there is none', async t => {
  const { pool } = await freshPool(t);
  const [made, missing] = [randomUUID(), randomUUID()];
  await pool.create(made, 1, never());
  const { birthtimeMs } = await stat(pool.source(made).path);
  t.is(await birthOf(pool.source(made)), birthtimeMs > 0 ? Math.floor(birthtimeMs) : undefined);
  t.is(await birthOf(pool.source(missing)), undefined);
  t.is(await birthOf({ type: 'block', path: pool.source(made).path }), undefined);
});
