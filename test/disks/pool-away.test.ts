// The pool's file system is unmounted while the service runs, and is mounted again.
import { mkdir, readdir, rename, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { admin, cause, createSite } from './support/site.ts';

test('while the pool’s file system is not mounted no disk is created, resized or deleted, and afterwards all are as before', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  const pool = join(site.directory, 'pool');
  await rename(pool, `${pool}.away`);
  await mkdir(pool);

  const refused = { code: 'POOL_UNAVAILABLE', message: /is its file system mounted\?/ };
  await t.throwsAsync(site.create(), refused);
  await t.throwsAsync(site.disks.service.resize(admin, uuid, 2, cause), refused);
  await t.throwsAsync(site.disks.service.delete(admin, uuid, cause), refused);
  t.deepEqual([...site.disks.figures().disks], [['available', 1]]);
  t.deepEqual(await readdir(pool), []);

  await rmdir(pool);
  await rename(`${pool}.away`, pool);
  t.is(site.disks.service.get(admin, uuid).sizeGiB, 1);
  const another = await site.create();
  await site.disks.service.delete(admin, uuid, cause);
  t.deepEqual((await readdir(pool)).sort(), ['.pdisk-owner', `${another}.raw`].sort());
});
