import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { errorOf } from '../../src/errors.ts';
import type { Pool } from '../../src/storage/pool.ts';
import { until } from '../../testkit/until.ts';
import { admin, cause, createSite, pluggedIn } from './support/site.ts';

/** A pool that creates no volume until the test lets it. */
function heldPool() {
  const held = { isHeld: true, begun: 0 };
  const around = (pool: Pool): Pool => ({
    ...pool,
    async create(uuid, sizeGiB, signal) {
      held.begun += 1;
      if (held.isHeld) {
        await new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
        });
      }
      return pool.create(uuid, sizeGiB, signal);
    },
  });
  return { held, around };
}

test('a disk whose creation was answered with an error at a stop does not exist after the next start', async t => {
  const { held, around } = heldPool();
  const site = await createSite(t, {}, { pool: around });
  const answer = t.throwsAsync(site.create(), { code: 'INTERRUPTED' });
  await until(() => held.begun === 1, 'the volume to be begun');
  await site.restart(() => {
    held.isHeld = false;
  });
  await answer;
  await until(() => site.disks.service.ownedBy('admin').disks === 0, 'the disk to be undone');
  t.deepEqual(site.disks.service.list(admin), []);
  t.deepEqual(
    readdirSync(join(site.directory, 'pool')).filter(name => name.endsWith('.raw')),
    [],
  );
});

test('a disk whose creation can be repeated by its key exists after the next start', async t => {
  const { held, around } = heldPool();
  const site = await createSite(t, {}, { pool: around });
  const disk = { sizeGiB: 1, tag: '', visibility: 'private' as const };
  const keyed = { ...cause, alsoWrite: () => [] };
  const answer = t.throwsAsync(site.disks.service.create(admin, disk, keyed), { code: 'INTERRUPTED' });
  await until(() => held.begun === 1, 'the volume to be begun');
  await site.restart(() => {
    held.isHeld = false;
  });
  await answer;
  await until(() => site.disks.service.list(admin).length === 1, 'the disk');
});

test('a hotattach in progress at a stop is answered as one of unknown outcome, and goes on', async t => {
  const site = await createSite(t);
  site.n1.addDomain({ name: 'one-1' });
  const uuid = await site.create();
  let go = (): void => {};
  const gate = new Promise<void>(resolve => {
    go = resolve;
  });
  site.n1.faults.inject('domainAttachDeviceFlags', { kind: 'delay', until: gate });
  const answer = t.throwsAsync(site.hotattach(uuid, '1'), { code: 'INTERRUPTED' });
  await until(() => site.disks.service.get(admin, uuid).users === 1, 'the attachment to be decided');
  await site.restart(go);
  await answer;
  await until(() => pluggedIn(site.n1, 'one-1').length === 1, 'the disk to be plugged in');
  t.is(site.users(uuid), 1);
});

test('a disk whose creation could not be undone for a temporary reason is removed when the reason is gone', async t => {
  let isBroken = true;
  const site = await createSite(
    t,
    {},
    {
      pool: pool => ({
        ...pool,
        create: async (uuid, sizeGiB, signal) => {
          if (isBroken) throw errorOf('VOLUME_FAILED', { disk: uuid, detail: 'EMFILE' });
          return pool.create(uuid, sizeGiB, signal);
        },
        delete: async (uuid, signal) => {
          if (isBroken) throw errorOf('REMOVE_FAILED', { disk: uuid, detail: 'EMFILE' });
          return pool.delete(uuid, signal);
        },
      }),
    },
  );
  await t.throwsAsync(site.create(), { code: 'CREATE_NOT_UNDONE' });
  const [failed] = site.disks.service.listDetails(admin);
  t.like(failed, { state: 'failed', waiting: [{ for: 'pool' }] });
  isBroken = false;
  // Readers see the committed records, which follow the decision once it is on disk.
  await until(() => site.disks.service.listDetails(admin).length === 0, 'the undo to be tried again', {
    timeoutMs: 120_000,
  });
  t.is(site.disks.service.ownedBy('admin').disks, 0);
});

test('a second failed attempt of a resize does not claim that the volume is unchanged', async t => {
  let grows = 0;
  const site = await createSite(
    t,
    { createTimeoutMs: 4000 },
    {
      pool: pool => ({
        ...pool,
        async resize(uuid, sizeGiB, signal) {
          grows += 1;
          if (grows === 2) throw errorOf('GROW_FAILED', { disk: uuid, detail: 'EIO for a moment' });
          return pool.resize(uuid, sizeGiB, signal);
        },
      }),
    },
  );
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  await site.n1.stop();
  await t.throwsAsync(site.disks.service.resize(admin, uuid, 20, cause), { code: 'GROW_TIMEOUT' });
  await until(() => grows >= 2, 'the second attempt', { timeoutMs: 60_000 });
  await until(
    () => site.disks.service.getDetails(admin, uuid).waiting.length > 0,
    'what came of the second attempt',
  );
  const size = statSync(join(site.directory, 'pool', `${uuid}.raw`)).size / 2 ** 30;
  t.is(size, 20);
  t.like(site.disks.service.getDetails(admin, uuid), { sizeGiB: 20, state: 'growing' });
});

test('a resize that certainly failed leaves the old size, and can be requested again', async t => {
  const site = await createSite(
    t,
    {},
    {
      pool: pool => ({
        ...pool,
        resize: async uuid => {
          throw errorOf('GROW_FAILED', { disk: uuid, detail: 'EIO' });
        },
      }),
    },
  );
  const uuid = await site.create();
  await t.throwsAsync(site.disks.service.resize(admin, uuid, 3, cause), { code: 'GROW_FAILED' });
  t.like(site.disks.service.getDetails(admin, uuid), { sizeGiB: 1, state: 'available' });
});
