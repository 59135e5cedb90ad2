import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { until } from '../../testkit/until.ts';
import { admin, cause, createSite } from './support/site.ts';

const GIB = 2 ** 30;

const resizesOf = (calls: readonly { procedure: string; args: unknown }[]) =>
  calls.filter(({ procedure }) => procedure === 'domainBlockResize').map(({ args }) => args);

test('a disk is made larger while a VM has it, and the VM is told the size of the volume', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  await site.disks.service.resize(admin, uuid, 3, cause);
  t.is(site.disks.service.get(admin, uuid).sizeGiB, 3);
  t.is((await stat(join(site.directory, 'pool', `${uuid}.raw`))).size, 3 * GIB);
  t.like(resizesOf(site.n1.calls)[0], { disk: 'vda', size: BigInt(3 * GIB) });
  await site.hotdetach(uuid, '1');
  await site.disks.service.resize(admin, uuid, 4, cause);
  t.is(resizesOf(site.n1.calls).length, 1);
});

test('a disk does not shrink, and only its owner and administrators make it larger', async t => {
  const site = await createSite(t);
  const { uuid } = await site.disks.service.create(
    { account: 'alice', role: 'user' },
    { sizeGiB: 2, tag: '', visibility: 'public' },
    cause,
  );
  const grow = (account: string, role: 'user' | 'service' | 'admin', size: number) =>
    site.disks.service.resize({ account, role }, uuid, size, cause);
  for (const size of [1, 2]) {
    const error = await t.throwsAsync(grow('alice', 'user', size), { code: 'NOT_LARGER' });
    t.regex(error?.message ?? '', new RegExp(`it has 2 GiB, ${size} GiB asked for`));
  }
  await t.throwsAsync(grow('bob', 'user', 3), { code: 'FORBIDDEN' });
  await t.throwsAsync(grow('cloud', 'service', 3), { code: 'FORBIDDEN' });
  await grow('alice', 'user', 3);
  t.is(site.disks.service.get(admin, uuid).sizeGiB, 3);
});

test('a resize goes on while the node of a VM is silent, and ends when the node answers', async t => {
  const site = await createSite(t, { createTimeoutMs: 10_000 });
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  await site.n1.stop();
  await t.throwsAsync(site.disks.service.resize(admin, uuid, 2, cause), { code: 'GROW_TIMEOUT' });
  await t.throwsAsync(site.disks.service.resize(admin, uuid, 3, cause), { code: 'DISK_BUSY' });
  await site.n1.listen();
  await until(() => resizesOf(site.n1.calls).length > 0, 'the VM to be told', { timeoutMs: 60_000 });
  const larger = async (): Promise<boolean> => {
    try {
      await site.disks.service.resize(admin, uuid, 3, cause);
      return true;
    } catch {
      return false;
    }
  };
  t.true(await until(larger, 'the disk to have grown', { timeoutMs: 60_000 }));
});
