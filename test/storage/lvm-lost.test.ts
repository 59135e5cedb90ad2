// A volume group in use that is no longer the one that was claimed, or is no longer whole.
import { randomUUID } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { sysfs } from '../../src/storage/lvm/kernel.ts';
import { openLvmPool } from '../../src/storage/lvm/pool.ts';
import type { Pool } from '../../src/storage/pool.ts';
import { metadataLvm, metadataTest } from './support/metadata-lvm.ts';
import { never, uuidsIn } from './support/pool-suite.ts';

const GIB = 2 ** 30;

/** Every call of the pool must fail with POOL_UNAVAILABLE. */
async function refused(t: ExecutionContext, pool: Pool, uuid: string, message: RegExp): Promise<void> {
  const unavailable = { code: 'POOL_UNAVAILABLE', message };
  await t.throwsAsync(pool.list(), unavailable);
  await t.throwsAsync(pool.strangers(), unavailable);
  await t.throwsAsync(pool.sizeOf(uuid, never()), unavailable);
  await t.throwsAsync(pool.create(randomUUID(), 1, never()), unavailable);
  await t.throwsAsync(pool.resize(uuid, 2, never()), unavailable);
  await t.throwsAsync(pool.delete(uuid, never()), unavailable);
  await t.throwsAsync(pool.wipe(uuid, GIB / 2, never()), unavailable);
}

metadataTest('the pool is unavailable while a physical volume is missing', async t => {
  const meta = await metadataLvm(t, 4);
  await meta.lvm('vgextend', '--quiet', 'meta', await meta.addDevice('second', 4));
  const pool = await meta.pool();
  const uuid = randomUUID();
  await pool.create(uuid, 1, never());
  await meta.detach('second');
  await refused(t, pool, uuid, /lacks 1 of its physical volumes|PVs are missing/);
  // A pool without a cached state.
  await t.throwsAsync(meta.pool(), { code: 'POOL_UNAVAILABLE', message: /lacks 1 of its physical volumes/ });
  await meta.attach('second');
  t.deepEqual(await uuidsIn(pool), [uuid]);
  t.is(await pool.resize(uuid, 2, never()), 2 * GIB);
  await pool.delete(uuid, never());
  t.deepEqual(await meta.volumes(), []);
});

metadataTest('another volume group that has got the same name is not used', async t => {
  const meta = await metadataLvm(t, 4);
  const pool = await meta.pool();
  const uuid = randomUUID();
  await pool.create(uuid, 1, never());
  await meta.lvm('vgrename', '--quiet', 'meta', 'old');
  await refused(t, pool, uuid, /no volume group|not found/);
  await meta.lvm('vgcreate', '--quiet', 'meta', await meta.addDevice('second', 4));
  const [name, tags] = [`pdisk-${uuid}`, ['--addtag', 'pdisk', '--addtag', `pdisk.uuid=${uuid}`]];
  await meta.lvm('lvcreate', '--quiet', '--size', '1g', '--name', name, ...tags, 'meta');
  await refused(t, pool, uuid, /is another than at the start/);
  t.deepEqual(await meta.volumes(), [name]);
});

const PARTS = [
  'vg_uuid="one',
  'vg_missing_pv_count=0',
  'lv_tags="pdisk"',
  'lv_layout=["linear"]',
  'lv_role=["public"]',
];

(process.getuid?.() === 0 ? test : test.skip)(
  'the selection for lvremove names the volume group, its wholeness, the tag and the kind',
  async t => {
    const commands: string[][] = [];
    const vg = {
      vg_name: 'vg',
      vg_uuid: 'one',
      vg_tags: '',
      vg_extent_size: '4194304',
      vg_size: '0',
      vg_free: '0',
    };
    const report = { report: [{ vg: [{ ...vg, vg_missing_pv_count: '0', lv_count: '0' }], lv: [] }] };
    const pool = await openLvmPool({
      ...{ vg: 'vg', thinPool: undefined, overcommit: 1, owner: 'one', wipe: 'none', wipeRateMiB: undefined },
      kernel: sysfs,
      async run(_, args) {
        commands.push([...args]);
        return JSON.stringify(report);
      },
    });
    await pool.delete(randomUUID(), never());
    const [selection = ''] = commands.filter(([name]) => name === 'lvremove').flatMap(args => args.slice(-2));
    for (const part of PARTS) t.true(selection.includes(part), part);
  },
);
