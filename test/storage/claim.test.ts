import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openFilePool } from '../../src/storage/file.ts';

async function folder(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-claim-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return directory;
}

const openedBy = (directory: string, owner: string) => openFilePool({ directory, overcommit: 1, owner });

test('a pool belongs to its first owner, over all starts', async t => {
  const directory = await folder(t);
  await (await openedBy(directory, 'a:1')).begin(false);
  await (await openedBy(directory, 'a:1')).begin(true);
  const other = await openedBy(directory, 'b:2');
  await t.throwsAsync(other.begin(false), { code: 'POOL_UNAVAILABLE', message: /another pdisk.*says a:1/ });
});

test('an empty directory is refused and left unchanged if volumes are expected', async t => {
  const directory = await folder(t);
  const pool = await openedBy(directory, 'a:1');
  await t.throwsAsync(pool.begin(true), { code: 'POOL_UNAVAILABLE', message: /is its file system mounted/ });
  t.deepEqual(await readdir(directory), []);
  await writeFile(join(directory, '.pdisk-owner'), 'a:1\n');
  await t.notThrowsAsync(pool.begin(true));
});

const never = (): AbortSignal => new AbortController().signal;

/** A pool whose directory was replaced by an empty one, as when its file system is unmounted. */
async function unmounted(t: ExecutionContext) {
  const parent = await folder(t);
  const directory = join(parent, 'pool');
  const pool = await openedBy(directory, 'a:1');
  await pool.begin(false);
  const uuid = randomUUID();
  await pool.create(uuid, 1, never());
  await rename(directory, `${directory}.away`);
  await mkdir(directory);
  return { directory, pool, uuid };
}

test('every call of the pool fails while its file system is not mounted', async t => {
  const { directory, pool, uuid } = await unmounted(t);
  const refused = { code: 'POOL_UNAVAILABLE', message: /is its file system mounted\?/ };
  await t.throwsAsync(pool.create(randomUUID(), 1, never()), refused);
  await t.throwsAsync(pool.resize(uuid, 2, never()), refused);
  await t.throwsAsync(pool.delete(uuid, never()), refused);
  await t.throwsAsync(pool.sizeOf(uuid, never()), refused);
  await t.throwsAsync(pool.list(), refused);
  await t.throwsAsync(pool.strangers(), refused);
  await t.throwsAsync(pool.check(), refused);
  await t.throwsAsync(pool.use(), refused);
  t.deepEqual(await readdir(directory), []);

  await rmdir(directory);
  await rename(`${directory}.away`, directory);
  await pool.check();
  t.deepEqual(
    (await pool.list()).map(volume => volume.uuid),
    [uuid],
  );
  await pool.delete(uuid, never());
});

test('a directory that another pdisk has claimed meanwhile is refused', async t => {
  const { directory, pool, uuid } = await unmounted(t);
  await writeFile(join(directory, '.pdisk-owner'), 'b:2\n');
  const refused = { code: 'POOL_UNAVAILABLE', message: /\.pdisk-owner says b:2/ };
  await t.throwsAsync(pool.check(), refused);
  await t.throwsAsync(pool.delete(uuid, never()), refused);
});

test('the directory is accepted again after a mount or when restored from a copy', async t => {
  const { directory, pool } = await unmounted(t);
  await writeFile(join(directory, '.pdisk-owner'), 'a:1\n');
  await pool.check();
  await t.notThrowsAsync(pool.create(randomUUID(), 1, never()));
});
