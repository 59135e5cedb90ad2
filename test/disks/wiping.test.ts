import test from 'ava';
import { errorOf } from '../../src/errors.ts';
import type { Pool } from '../../src/storage/pool.ts';
import { until } from '../../testkit/until.ts';
import { admin, cause, createSite } from './support/site.ts';

const GIB = 2 ** 30;

/**
 * A pool whose volumes are wiped in quarters, each when the test lets it; `from` lists where each piece
 * began.
 */
function quarters() {
  const from: number[] = [];
  const waiting: ((fails: boolean) => void)[] = [];
  const around = (pool: Pool): Pool => ({
    ...pool,
    wipes: true,
    wipe: (uuid, bytes, signal) =>
      new Promise((resolve, reject) => {
        const fail = (): void => reject(errorOf('WIPE_FAILED', { disk: uuid, detail: 'not now' }));
        from.push(bytes / GIB);
        waiting.push(fails => (fails ? fail() : resolve({ bytes: bytes + GIB / 4, of: GIB })));
        signal.addEventListener('abort', fail, { once: true });
      }),
  });
  return {
    around,
    from,
    async next(fails = false): Promise<void> {
      const go = await until(() => waiting.shift(), 'a piece to be wiped');
      go(fails);
    },
  };
}

test('a deleted disk is wiped piece by piece, with its progress in events and in the full view', async t => {
  const pool = quarters();
  const site = await createSite(t, {}, { pool: pool.around });
  const uuid = await site.create();
  await site.disks.service.delete(admin, uuid, cause);
  const progress = () => site.published.map(({ type, progress }) => [type, progress]);
  const shown = () => site.disks.service.getDetails(admin, uuid);
  t.like(shown(), { state: 'wiping', wiped: 0 });
  t.is(site.disks.service.list(admin).length, 0);
  for (const percent of [25, 50, 75]) {
    await pool.next();
    await until(() => shown().wiped === percent, `${percent} %`);
  }
  await pool.next();
  await until(() => site.published.at(-1)?.type === 'disk.wiped', 'the volume to be removed');
  t.deepEqual(progress().slice(-6), [
    ['disk.deleted', 0],
    ['disk.wiping', 25],
    ['disk.wiping', 50],
    ['disk.wiping', 75],
    ['disk.wiping', 100],
    ['disk.wiped', 100],
  ]);
  t.throws(shown, { code: 'DISK_UNKNOWN' });
});

test('the reason why a volume is not wiped is in the log, since its owner was answered already', async t => {
  const pool = quarters();
  const site = await createSite(t, {}, { pool: pool.around });
  const uuid = await site.create();
  await site.disks.service.delete(admin, uuid, cause);
  await pool.next(true);
  const line = await until(() => site.lines.find(line => line.includes('volume not wiped')), 'the line');
  t.like(JSON.parse(line), { disk: uuid });
  t.regex(line, /not now/);
});

test('after a restart wiping continues where it was interrupted', async t => {
  const pool = quarters();
  const site = await createSite(t, {}, { pool: pool.around });
  const uuid = await site.create();
  await site.disks.service.delete(admin, uuid, cause);
  await pool.next();
  await until(() => pool.from.length === 2, 'the second piece to begin');
  await site.restart();
  await until(() => pool.from.length === 3, 'the second piece to begin again');
  t.deepEqual(pool.from, [0, 0.25, 0.25]);
  t.is(site.disks.service.getDetails(admin, uuid).wiped, 25);
});
