// Changes of a volume while no LVM process can be started.
import { randomUUID } from 'node:crypto';
import test from 'ava';
import { NotStarted, type RunCommand } from '../../src/storage/command.ts';
import { sysfs } from '../../src/storage/lvm/kernel.ts';
import { openLvmPool } from '../../src/storage/lvm/pool.ts';
import { never } from './support/pool-suite.ts';

const rootTest = process.getuid?.() === 0 ? test : test.skip;

const group = {
  ...{ vg_name: 'vg', vg_uuid: 'one', vg_tags: '', vg_extent_size: '4194304' },
  ...{ vg_size: '0', vg_free: '0', vg_missing_pv_count: '0', lv_count: '0' },
};
const report = JSON.stringify({ report: [{ vg: [group], lv: [] }] });

/** A pool whose commands do nothing; `command` cannot be started the first time. */
async function poolWithout(command: string, said = '') {
  const begun: string[] = [];
  const run: RunCommand = async (_, [name = '']) => {
    if (name === 'fullreport') return report;
    begun.push(name);
    if (name === command && begun.length === 1) throw new NotStarted('there are no more processes');
    return said;
  };
  const place = { vg: 'vg', thinPool: undefined, overcommit: 1, owner: 'one' };
  const pool = await openLvmPool({ ...place, wipe: 'none', wipeRateMiB: undefined, kernel: sysfs, run });
  return { pool, begun };
}

rootTest('a creation whose process cannot be started is not begun', async t => {
  const { pool, begun } = await poolWithout('lvcreate');
  const refused = { code: 'POOL_UNAVAILABLE', message: /no more processes/ };
  await t.throwsAsync(pool.create(randomUUID(), 1, never()), refused);
  t.deepEqual(begun, ['lvcreate']);
});

rootTest('a removal is retried until its process can be started', async t => {
  const uuid = randomUUID();
  const { pool, begun } = await poolWithout('lvremove', `"pdisk-${uuid}" successfully removed`);
  await pool.delete(uuid, never());
  t.deepEqual(begun, ['lvremove', 'lvremove']);
});
