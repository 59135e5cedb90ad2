import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { createRunner, type RunCommand } from '../../src/storage/command.ts';
import { sysfs } from '../../src/storage/lvm/kernel.ts';
import { openLvmPool } from '../../src/storage/lvm/pool.ts';
import { until } from '../../testkit/until.ts';
import { failureOf, never, readAt, writeAt } from '../storage/support/pool-suite.ts';
import { firstNonZero, guestTest, run as runProgram } from './support/guest.ts';
import { volumeGroupForThisFile } from './support/suite.ts';

const VG = 'wiping';
const GIB = 2 ** 30;
const MIB = 2 ** 20;
const secret = Buffer.alloc(4096, 'secret');
const files = volumeGroupForThisFile(VG);

guestTest.serial('wiping goes on from where it was, to the end', async t => {
  const pool = await files.pool(t);
  const uuid = randomUUID();
  await pool.create(uuid, 1, never());
  const { path } = pool.source(uuid);
  const from = GIB - 64 * MIB;
  const places = [0, from - 4096, from, GIB - 4096];
  for (const at of places) await writeAt(path, at, secret);
  for (let bytes = from; bytes < GIB; ) {
    const wiped = await pool.wipe(uuid, bytes, never());
    t.true(wiped.bytes > bytes);
    t.is(wiped.of, GIB);
    bytes = wiped.bytes;
  }
  const found = await Promise.all(places.map(at => readAt(path, at, 4096)));
  t.deepEqual(
    found.map(bytes => bytes.equals(secret)),
    [true, true, false, false],
  );
});

guestTest.serial(
  'where the device writes no zeros by itself they are sent, at the rate that is set',
  async t => {
    await files.pool(t);
    const kernel = { ...sysfs, canZero: async () => false };
    const settings = { thinPool: undefined, overcommit: 1, wipe: 'zero' as const, owner: 'test', kernel };
    const pool = await openLvmPool({ vg: VG, wipeRateMiB: 32, ...settings });
    const uuid = randomUUID();
    await pool.create(uuid, 1, never());
    const { path } = pool.source(uuid);
    const from = GIB - 64 * MIB;
    for (const at of [from, GIB - 32 * MIB, GIB - 4096]) await writeAt(path, at, secret);
    const begin = performance.now();
    for (let bytes = from; bytes < GIB; ) bytes = (await pool.wipe(uuid, bytes, never())).bytes;
    // 64 MiB at 32 MiB per second take 2 s at least.
    t.true(performance.now() - begin >= 1_900);
    t.is(await firstNonZero(path, from), undefined);
  },
);

guestTest.serial('a volume that another program has open is neither wiped nor removed', async t => {
  await files.pool(t);
  const runner = createRunner();
  let refused = 0;
  const run: RunCommand = (...args) =>
    runner(...args).catch(error => {
      refused += 1;
      throw error;
    });
  const settings = { thinPool: undefined, overcommit: 1, wipe: 'zero' as const, owner: 'test' };
  const pool = await openLvmPool({ vg: VG, wipeRateMiB: undefined, ...settings, run });
  const uuid = randomUUID();
  await pool.create(uuid, 1, never());
  const { path } = pool.source(uuid);
  await writeAt(path, 0, secret);
  const holder = await open(path, 'r');
  try {
    const error = await failureOf(t, pool.wipe(uuid, 0, never()));
    t.is(error.code, 'WIPE_FAILED');
    t.regex(error.message, /is open in another program/);
    const abort = new AbortController();
    const removing = failureOf(t, pool.delete(uuid, abort.signal));
    // At the second refusal, the first one has been processed.
    await until(() => refused > 1, 'LVM to refuse twice', { timeoutMs: 120_000 });
    abort.abort(new Error('deadline'));
    t.regex((await removing).message, /in use/);
    t.deepEqual(await readAt(path, 0, 4096), secret);
  } finally {
    await holder.close();
  }
  await pool.delete(uuid, never());
  t.deepEqual(await files.group().leftOver(), []);
});

for (const wipe of ['zero', 'none'] as const) {
  guestTest.serial(`a volume with a snapshot is kept, and so is the snapshot (wipe: ${wipe})`, async t => {
    const pool = await files.pool(t, { wipe });
    const uuid = randomUUID();
    await pool.create(uuid, 1, never());
    const { path } = pool.source(uuid);
    await writeAt(path, 0, secret);
    const snapshot = ['--snapshot', '--size', '64m', '--name', `backup-${wipe}`];
    await runProgram('lvcreate', '--quiet', '--yes', ...snapshot, `${VG}/pdisk-${uuid}`);
    t.regex((await failureOf(t, pool.wipe(uuid, 0, never()))).message, /has a snapshot/);
    const error = await failureOf(t, pool.delete(uuid, never()));
    t.is(error.code, 'REMOVE_FAILED');
    t.regex(error.message, /has a snapshot/);
    t.deepEqual(await readAt(`/dev/${VG}/backup-${wipe}`, 0, 4096), secret);
    await runProgram('lvremove', '--quiet', '--yes', `${VG}/backup-${wipe}`);
    await pool.delete(uuid, never());
    t.deepEqual(await files.group().leftOver(), []);
  });
}
