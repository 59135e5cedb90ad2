// The pool's place is taken away while the service runs, and comes back.
import { mkdir, readdir, rename, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { admin, cause, createSite } from './support/site.ts';

test('while the pool’s file system is not mounted no disk is made, grown or deleted, and afterwards all is as it was', async t => {
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
