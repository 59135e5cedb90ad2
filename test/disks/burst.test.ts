// More creations at once than a volume group can carry out within their deadline.
import test from 'ava';
import { bounded } from '../../src/storage/bounded.ts';
import type { Pool } from '../../src/storage/pool.ts';
import { gate } from '../../testkit/latch.ts';
import { until } from '../../testkit/until.ts';
import { createSite } from './support/site.ts';

const ALL = 250;
const FIT = 60;

/**
 * A pool that creates one volume after the other; the one after the first `FIT` waits until the test lets it
 * go on.
 */
function slow() {
  const { opened, open } = gate();
  let begun = 0;
  const undone: string[] = [];
  const around = (pool: Pool): Pool =>
    bounded(
      {
        ...pool,
        promisableBytes: async () => 2 ** 50,
        async create(uuid, sizeGiB, signal) {
          begun += 1;
          if (begun > FIT) await opened;
          await pool.create(uuid, sizeGiB, signal);
        },
        async delete(uuid, signal) {
          undone.push(uuid);
          await pool.delete(uuid, signal);
        },
      },
      { atOnce: 1, waiting: ALL },
    );
  return { around, open, undone, begun: () => begun };
}

test('of more creations than fit into their deadline those that did not begin are refused, and leave nothing to undo', async t => {
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
  // All but the one in progress. A slow computer does not get so far, and then all of them.
  await until(() => outcomes.length >= ALL - 1, 'the refusals', { timeoutMs: 120_000 });
  pool.open();
  await Promise.all(creations);
  await until(() => site.disks.figures().disks.size === 1, 'all disks to be at rest', { timeoutMs: 120_000 });
  const made = count('made');
  t.true(made > 0 && made <= FIT + 1, `${made}`);
  t.is(made + count('POOL_BUSY') + count('CREATE_TIMEOUT'), ALL);
  // Only the creations that were in progress at the common deadline were begun in vain.
  t.is(pool.begun(), made + count('CREATE_TIMEOUT'));
  t.is(pool.undone.length, count('CREATE_TIMEOUT'));
  t.true(pool.undone.length <= 1);
  t.deepEqual([...site.disks.figures().disks], [['available', made]]);
  t.is(site.disks.service.ownedBy('admin').disks, made);
});
