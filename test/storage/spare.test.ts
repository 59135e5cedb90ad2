import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openFilePool } from '../../src/storage/file.ts';
import { databaseRoom, leaving } from '../../src/storage/spare.ts';

test('a pool on the database’s file system promises less than the free space, another pool all of it', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-spare-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const room = await databaseRoom(directory, directory);
  t.true(room > 0 && room <= 512 * 2 ** 20);
  t.is(await databaseRoom('/proc', directory), 0);
  const pool = await openFilePool({ directory, overcommit: 1, owner: 'tests' });
  // Concurrent calls share one count.
  const [all, less] = await Promise.all([pool.promisableBytes(), leaving(pool, room).promisableBytes()]);
  t.is(less, Math.max(0, all - room));
  t.is(await leaving(pool, all * 2).promisableBytes(), 0);
});
