// What an administrator does to volumes of disks, or to the volume group, while pdisk uses them: no tenant's
// data is exposed, and no volume is reported as deleted that is not.
import { randomUUID } from 'node:crypto';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRunner } from '../../src/storage/command.ts';
import { openLvmPool } from '../../src/storage/lvm/pool.ts';
import type { Pool } from '../../src/storage/pool.ts';
import { failureOf, never, readAt, writeAt } from '../storage/support/pool-suite.ts';
import { createVolumeGroup, firstNonZero, guestTest, run } from './support/guest.ts';
import { volumeGroupForThisFile } from './support/suite.ts';

const VG = 'admin';
const GIB = 2 ** 30;
const secret = Buffer.alloc(4096, 'secret');
const files = volumeGroupForThisFile(VG);
const nameOf = (uuid: string): string => `${VG}/pdisk-${uuid}`;

/** A volume with a tenant's data in it. */
async function secretVolume(pool: Pool): Promise<{ uuid: string; path: string }> {
  const uuid = randomUUID();
  await pool.create(uuid, 1, never());
  const { path } = pool.source(uuid);
  for (const at of [0, GIB - 4096]) await writeAt(path, at, secret);
  return { uuid, path };
}

async function wipeAll(pool: Pool, uuid: string): Promise<void> {
  for (let bytes = 0, of = 1; bytes < of; ) ({ bytes, of } = await pool.wipe(uuid, bytes, never()));
}

guestTest.serial(
  'a cached volume is reported, and not wiped, grown or removed until its cache is detached',
  async t => {
    const pool = await files.pool(t);
    const { uuid, path } = await secretVolume(pool);
    const cache = ['--type', 'cache-pool', '--size', '64m', '--name', 'cpool'];
    await run('lvcreate', '--quiet', '--yes', ...cache, VG);
    const convert = ['--type', 'cache', '--cachemode', 'writethrough', '--cachepool', `${VG}/cpool`];
    await run('lvconvert', '--quiet', '--yes', ...convert, nameOf(uuid));

    const told = /has been made into something else \(cache\)/;
    const [entry] = await pool.list();
    t.is(entry?.uuid, uuid);
    t.regex(entry?.obstacle ?? '', told);
    for (const change of [
      () => pool.wipe(uuid, 0, never()),
      () => pool.wipe(uuid, GIB / 2, never()),
      () => pool.delete(uuid, never()),
      () => pool.resize(uuid, 2, never()),
      () => pool.create(uuid, 1, never()),
    ]) {
      t.regex((await failureOf(t, change())).message, told);
    }
    t.deepEqual(await readAt(path, 0, 4096), secret);

    await run('lvconvert', '--quiet', '--yes', '--uncache', nameOf(uuid));
    await wipeAll(pool, uuid);
    t.is(await firstNonZero(path), undefined);
    await pool.delete(uuid, never());
    t.deepEqual(await files.group().leftOver(), []);
  },
);

guestTest.serial('a volume that was renamed is neither wiped nor removed, and its name is told', async t => {
  const pool = await files.pool(t);
  const { uuid } = await secretVolume(pool);
  await run('lvrename', '--quiet', VG, `pdisk-${uuid}`, 'rescued');
  t.regex((await failureOf(t, pool.wipe(uuid, 0, never()))).message, /there is no volume admin\/pdisk-/);
  t.regex((await failureOf(t, pool.delete(uuid, never()))).message, /still there, as admin\/rescued/);
  t.deepEqual(await pool.strangers(), [{ name: 'rescued', uuid, bytes: GIB }]);
  t.deepEqual(await readAt(`/dev/${VG}/rescued`, 0, 4096), secret);
  await run('lvrename', '--quiet', VG, 'rescued', `pdisk-${uuid}`);
  await wipeAll(pool, uuid);
  await pool.delete(uuid, never());
  t.deepEqual(await files.group().leftOver(), []);
});

guestTest.serial(
  'a volume that was removed by hand does not count as wiped, until an empty one is in its place',
  async t => {
    const pool = await files.pool(t);
    const { uuid } = await secretVolume(pool);
    await run('lvremove', '--quiet', '--yes', nameOf(uuid));
    t.regex(
      (await failureOf(t, pool.wipe(uuid, GIB / 2, never()))).message,
      /nobody knows where its bytes are/,
    );
    await pool.create(uuid, 1, never());
    await wipeAll(pool, uuid);
    await pool.delete(uuid, never());
    t.deepEqual(await files.group().leftOver(), []);
  },
);

guestTest.serial('a suspended device is told at once, and holds up no other wiping', async t => {
  const pool = await files.pool(t);
  const [held, other] = [await secretVolume(pool), await secretVolume(pool)];
  await run('dmsetup', 'suspend', held.path);
  try {
    t.regex(
      (await failureOf(t, pool.wipe(held.uuid, 0, never()))).message,
      /is suspended; run 'dmsetup resume/,
    );
    await wipeAll(pool, other.uuid);
  } finally {
    await run('dmsetup', 'resume', held.path);
  }
  await wipeAll(pool, held.uuid);
  t.is(await firstNonZero(held.path), undefined);
  for (const { uuid } of [held, other]) await pool.delete(uuid, never());
  t.deepEqual(await files.group().leftOver(), []);
});

guestTest.serial(
  'a resize of a volume that pvmove moves is refused as busy, and succeeds afterwards',
  async t => {
    await createVolumeGroup('spare');
    await run('vgmerge', '--quiet', VG, 'spare');
    const pool = await files.pool(t);
    const { uuid } = await secretVolume(pool);
    // An interval for pvmove's progress check that ends long after this test.
    const move = ['--background', '--interval', '3600', '--name', `pdisk-${uuid}`, files.group().device];
    await run('pvmove', '--quiet', ...move);
    const error = await failureOf(t, pool.resize(uuid, 2, never()));
    t.is(error.code, 'POOL_BUSY');
    t.regex(error.message, /locked logical volume/);
    t.is(await pool.sizeOf(uuid, never()), GIB);
    await run('pvmove', '--quiet', '--abort');
    t.is(await pool.resize(uuid, 2, never()), 2 * GIB);
    await pool.delete(uuid, never());
    t.deepEqual(await files.group().leftOver(), []);
  },
);

/** A pool whose LVM uses a lvm.conf with additional lines. */
async function poolWith(...lines: string[]): Promise<{ pool: Pool; end: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-lvm-conf-'));
  const conf = ['activation { udev_sync=0 udev_rules=0 monitoring=0 }', ...lines];
  await writeFile(join(directory, 'lvm.conf'), conf.join('\n'));
  const settings = { thinPool: undefined, overcommit: 1, wipe: 'zero' as const, wipeRateMiB: undefined };
  const run = createRunner({ LVM_SYSTEM_DIR: directory });
  const pool = await openLvmPool({ vg: VG, owner: 'test', ...settings, run });
  return { pool, end: () => rm(directory, { recursive: true }) };
}

guestTest.serial(
  'a device that is open is not wiped, whatever word a site’s lvm.conf has for that',
  async t => {
    await files.pool(t);
    const { pool, end } = await poolWith('report { binary_values_as_numeric=1 }');
    t.teardown(end);
    const { uuid, path } = await secretVolume(pool);
    const holder = await open(path, 'r');
    try {
      t.regex((await failureOf(t, pool.wipe(uuid, 0, never()))).message, /is open in another program/);
    } finally {
      await holder.close();
    }
    t.deepEqual(await readAt(path, 0, 4096), secret);
    await wipeAll(pool, uuid);
    await pool.delete(uuid, never());
    t.deepEqual(await files.group().leftOver(), []);
  },
);

guestTest.serial('what a guest writes onto its disk is never taken for a physical volume', async t => {
  await files.pool(t);
  const { pool, end } = await poolWith('devices { scan_lvs=1 hints="none" }');
  t.teardown(end);
  const { uuid, path } = await secretVolume(pool);
  const before = await pool.promisableBytes();
  // The guest gets a disk with a copy of the group's labels and metadata, with the same names and UUIDs.
  const copy = [`if=${files.group().device}`, `of=${path}`, 'bs=1M', 'count=2', 'conv=notrunc,fsync'];
  await run('dd', ...copy, 'status=none');
  const another = randomUUID();
  await pool.create(another, 1, never());
  t.is(await pool.resize(uuid, 2, never()), 2 * GIB);
  t.deepEqual((await pool.list()).map(volume => volume.uuid).sort(), [uuid, another].sort());
  t.is(await pool.promisableBytes(), before);
  await wipeAll(pool, uuid);
  for (const one of [uuid, another]) await pool.delete(one, never());
  t.deepEqual(await files.group().leftOver(), []);
});

guestTest.serial(
  'a volume that LVM created in another group, renamed to the pool’s name meanwhile, is removed again',
  async t => {
    const pool = await files.pool(t);
    const { uuid } = await secretVolume(pool);
    const other = await createVolumeGroup('other');
    await run('vgrename', '--quiet', VG, 'away');
    await run('vgrename', '--quiet', 'other', VG);
    try {
      // The pool has not looked at the group since.
      const error = await failureOf(t, pool.create(randomUUID(), 1, never()));
      t.is(error.code, 'POOL_UNAVAILABLE');
      t.regex(error.message, /another volume group is called admin now/);
      t.is((await failureOf(t, pool.delete(uuid, never()))).code, 'POOL_UNAVAILABLE');
      t.deepEqual(await files.group().volumes(), []);
    } finally {
      await run('vgrename', '--quiet', VG, 'other');
      await run('vgrename', '--quiet', 'away', VG);
      await other.remove();
    }
    t.deepEqual(
      (await pool.list()).map(volume => volume.uuid),
      [uuid],
    );
    await pool.delete(uuid, never());
    t.deepEqual(await files.group().leftOver(), []);
  },
);
