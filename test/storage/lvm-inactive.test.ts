import test from 'ava';
import { sysfs } from '../../src/storage/lvm/kernel.ts';
import { nameOf, ownerTag, tagsOf } from '../../src/storage/lvm/naming.ts';
import { openLvmPool } from '../../src/storage/lvm/pool.ts';
import { failureOf, never } from './support/pool-suite.ts';

const UUID = 'eb198dec-3560-4a9a-b3b4-5f043410a3dd';
const isRoot = process.getuid?.() === 0;

/** A report of a volume group with one volume of ours, the inactive origin of a snapshot. */
const report = JSON.stringify({
  report: [
    {
      vg: [
        {
          vg_name: 'vg',
          vg_uuid: 'ooooooo',
          lv_count: '1',
          vg_tags: ownerTag('one'),
          vg_extent_size: String(2 ** 22),
          vg_size: String(2 ** 40),
          vg_free: String(2 ** 39),
          vg_missing_pv_count: '0',
        },
      ],
      lv: [
        {
          lv_name: nameOf(UUID),
          lv_uuid: 'uuuuuu',
          lv_tags: tagsOf(UUID).join(','),
          lv_size: String(2 ** 30),
          lv_active: '',
          lv_device_open: 'unknown',
          lv_time: '1700000000',
          lv_layout: 'linear',
          lv_role: 'public,origin,thickorigin',
          origin: '',
          pool_lv: '',
          lv_attr: 'owi---s---',
          data_percent: '',
          metadata_percent: '',
        },
      ],
    },
  ],
});

(isRoot ? test : test.skip)('an inactive volume with a snapshot does not count as removed', async t => {
  const pool = await openLvmPool({
    vg: 'vg',
    thinPool: undefined,
    overcommit: 1,
    owner: 'one',
    wipe: 'none',
    wipeRateMiB: undefined,
    // The selection does not match the volume, so lvremove removes nothing and succeeds.
    run: async (_, args) => (args[0] === 'fullreport' ? report : ''),
    kernel: { ...sysfs, bytesOf: async () => undefined },
  });
  t.regex((await failureOf(t, pool.delete(UUID, never()))).message, /has a snapshot/);
});
