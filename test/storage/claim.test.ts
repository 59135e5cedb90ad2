import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
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

test("a pool is its first owner's, from start to start", async t => {
  const directory = await folder(t);
  await (await openedBy(directory, 'a:1')).begin(false);
  await (await openedBy(directory, 'a:1')).begin(true);
  const other = await openedBy(directory, 'b:2');
  await t.throwsAsync(other.begin(false), { code: 'POOL_UNAVAILABLE', message: /another pdisk.*says a:1/ });
});

test('an empty directory where volumes are expected is refused and left as it is', async t => {
  const directory = await folder(t);
  const pool = await openedBy(directory, 'a:1');
  await t.throwsAsync(pool.begin(true), { code: 'POOL_UNAVAILABLE', message: /is its file system mounted/ });
  t.deepEqual(await readdir(directory), []);
  await writeFile(join(directory, '.pdisk-owner'), 'a:1\n');
  await t.notThrowsAsync(pool.begin(true));
});
