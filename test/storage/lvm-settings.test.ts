// Settings in a site's lvm.conf that must make no difference to a pool.
import { randomUUID } from 'node:crypto';
import { metadataLvm, metadataTest } from './support/metadata-lvm.ts';
import { never, uuidsIn } from './support/pool-suite.ts';

const GIB = 2 ** 30;

/** Without our own settings each of these changes a report or the effect of a command. */
const SETTINGS = [
  'log { command_names=1 prefix="x " }',
  'log { verbose=3 silent=1 indent=0 report_command_log=1 }',
  'report { prefixes=1 quoted=0 headings=0 }',
  'report { compact_output=1 }',
  'report { compact_output_cols="lv_name,lv_tags,lv_active,lv_device_open,vg_tags,pool_lv,origin" }',
  'report { binary_values_as_numeric=1 mark_hidden_devices=0 }',
  'report { separator="|" list_item_separator=";" columns_as_rows=1 buffered=0 aligned=0 }',
  'report { time_format="%A" output_format="json_std" two_word_unknown_device=1 }',
  'report { lvs_sort="-lv_size" vgs_sort="-vg_size" lvs_cols_full="lv_name" vgs_cols_full="vg_name" }',
  'global { units="h" suffix=1 si_unit_consistency=0 }',
  'global { test=1 }',
];

metadataTest('no setting of a site’s lvm.conf changes the results of a pool', async t => {
  const meta = await metadataLvm(t, 8);
  for (const setting of SETTINGS) {
    await meta.configure(setting);
    const pool = await meta.pool();
    const uuid = randomUUID();
    await pool.create(uuid, 1, never());
    const [entry] = await pool.list();
    t.like(entry, { uuid, bytes: GIB, obstacle: undefined }, setting);
    t.true(Math.abs((entry?.createdMs ?? 0) - Date.now()) < 3_600_000, setting);
    t.is(await pool.promisableBytes(), 8 * GIB, setting);
    t.is(await pool.resize(uuid, 2, never()), 2 * GIB, setting);
    t.is(await meta.sizeOf(uuid), 2 * GIB, setting);
    await pool.delete(uuid, never());
    t.deepEqual(await uuidsIn(pool), [], setting);
    t.deepEqual(await meta.volumes(), [], setting);
  }
});

metadataTest(
  'if LVM cannot read the site’s lvm.conf, calls fail and no volume counts as removed',
  async t => {
    const meta = await metadataLvm(t, 4);
    const pool = await meta.pool();
    const uuid = randomUUID();
    await pool.create(uuid, 1, never());
    await meta.configure('report {');
    await t.throwsAsync(pool.list(), { code: 'POOL_UNAVAILABLE', message: /lvm\.conf/ });
    await t.throwsAsync(pool.delete(uuid, never()), { code: 'REMOVE_FAILED', message: /lvm\.conf/ });
    await meta.configure();
    t.deepEqual(await uuidsIn(pool), [uuid]);
  },
);
