import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../../src/data-folder.ts';

test('creating a directory syncs every parent directory that got an entry', async t => {
  const parent = await mkdtemp(join(tmpdir(), 'pdisk-directory-'));
  t.teardown(() => rm(parent, { recursive: true }));
  const synced: string[] = [];
  const sync = async (directory: string): Promise<void> => {
    synced.push(directory);
  };
  t.true(await makeFolder(join(parent, 'a', 'b', 'c'), 0o711, sync));
  t.deepEqual(synced.sort(), [parent, join(parent, 'a'), join(parent, 'a', 'b')]);
  t.false(await makeFolder(join(parent, 'a', 'b', 'c'), 0o711, sync));
  t.is(synced.length, 3);
});
