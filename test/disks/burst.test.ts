// More creations at once than a volume group can make in the time that each has.
import test from 'ava';
import { bounded } from '../../src/storage/bounded.ts';
import type { Pool } from '../../src/storage/pool.ts';
import { gate } from '../rig/latch.ts';
import { until } from '../rig/until.ts';
import { createSite } from './support/site.ts';

const ALL = 250;
const FIT = 60;

/** A pool that makes one volume after the other, and of which the one after the first `FIT` takes until it is let. */
function slow() {
  const { opened, open } = gate();
  let begun = 0;
  const undone: string[] = [];
  const around = (pool: Pool): Pool =>
    bounded(
      {
        ...pool,
        promisableBytes: async () => 2 ** 50,
        async make(uuid, sizeGiB, signal) {
          begun += 1;
          if (begun > FIT) await opened;
          await pool.make(uuid, sizeGiB, signal);
        },
        async remove(uuid, signal) {
          undone.push(uuid);
          await pool.remove(uuid, signal);
        },
      },
      { atOnce: 1, waiting: ALL },
    );
  return { around, open, undone, begun: () => begun };
}

test('of more creations than fit into their time those whose turn did not come are refused, and leave nothing to undo', async t => {
  const pool = slow();
  const site = await createSite(t, { createTimeoutMs: 4_000 }, { pool: pool.around });
  const outcomes: string[] = [];
  const creations = Array.from({ length: ALL }, () =>
    site.create().then(
      () => outcomes.push('made'),
      error => outcomes.push(error.code),
    ),
  );
  const count = (outcome: string): number => outcomes.filter(one => one === outcome).length;
  // All but the one at work. A slow machine does not come so far, and then it is all.
  await until(() => outcomes.length >= ALL - 1, 'the refusals', { timeoutMs: 120_000 });
  pool.open();
  await Promise.all(creations);
  await until(() => site.disks.figures().disks.size === 1, 'all disks to be at rest', { timeoutMs: 120_000 });
  const made = count('made');
  t.true(made > 0 && made <= FIT + 1, `${made}`);
  t.is(made + count('POOL_BUSY') + count('CREATE_TIMEOUT'), ALL);
  // Only those at work at the deadline of all were begun in vain.
  t.is(pool.begun(), made + count('CREATE_TIMEOUT'));
  t.is(pool.undone.length, count('CREATE_TIMEOUT'));
  t.true(pool.undone.length <= 1);
  t.deepEqual([...site.disks.figures().disks], [['available', made]]);
  t.is(site.disks.service.ownedBy('admin').disks, made);
});
