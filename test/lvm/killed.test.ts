// LVM itself, or the program that wipes, is killed in the middle of a change, as by an administrator or for
// lack of memory: the next attempt repairs it.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { sysfs } from '../../src/storage/lvm/kernel.ts';
import type { Pool } from '../../src/storage/pool.ts';
import { until } from '../../testkit/until.ts';
import { never, readAt, writeAt } from '../storage/support/pool-suite.ts';
import { firstNonZero, guestTest, programs } from './support/guest.ts';
import { volumeGroupForThisFile } from './support/suite.ts';

const GIB = 2 ** 30;
const MIB = 2 ** 20;
const LONG = { timeoutMs: 120_000 };
const files = volumeGroupForThisFile('killed');
/**
 * How long a program has been running when it is killed, in milliseconds: at its start, in the middle, near
 * its end.
 */
const MOMENTS = [0, 60, 150, 300];

async function pidOf(command: string): Promise<number | undefined> {
  // Only programs of this test: other test files run at the same time.
  const ours = (line: string): boolean => line.includes(command) && /[ /]killed(?:[ /]|$)/.test(line);
  const [pid] = [...(await programs())].find(([, line]) => ours(line)) ?? [];
  return pid === undefined ? undefined : Number(pid);
}

/** Kills the program of that command with SIGKILL while it works, unless it ends earlier. */
async function killing(command: string, ms: number, work: () => Promise<unknown>): Promise<void> {
  let over = false;
  const working = work()
    .catch(() => undefined)
    .finally(() => {
      over = true;
    });
  const pid = await until(async () => over || (await pidOf(command)), `${command} to run`, {
    ...LONG,
    everyMs: 10,
  });
  await delay(ms);
  try {
    if (typeof pid === 'number' && !over) process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
  await working;
}

const sizeOf = (pool: Pool, uuid: string): Promise<number | undefined> =>
  sysfs.bytesOf(pool.source(uuid).path);

guestTest.serial('a creation of which LVM was killed can be made again, and undone', async t => {
  const pool = await files.pool(t);
  for (const ms of MOMENTS) {
    const [again, undone] = [randomUUID(), randomUUID()];
    await killing('lvm lvcreate ', ms, () => pool.create(again, 1, never()));
    await pool.create(again, 1, never());
    t.is(await sizeOf(pool, again), GIB);
    await killing('lvm lvcreate ', ms, () => pool.create(undone, 1, never()));
    for (const uuid of [undone, again]) await pool.delete(uuid, never());
    t.deepEqual(await files.group().leftOver(), []);
  }
});

guestTest.serial(
  'a resize during which LVM is killed is completed by the next attempt, and no data is lost',
  async t => {
    const pool = await files.pool(t);
    const uuid = randomUUID();
    await pool.create(uuid, 1, never());
    const { path } = pool.source(uuid);
    const kept = Buffer.alloc(4096, 'kept');
    await writeAt(path, GIB - 4096, kept);
    for (const [index, ms] of MOMENTS.entries()) {
      await killing('lvm lvextend ', ms, () => pool.resize(uuid, index + 2, never()));
      t.is(await pool.resize(uuid, index + 2, never()), (index + 2) * GIB);
      t.is(await sizeOf(pool, uuid), (index + 2) * GIB);
      // The volume can be written: its device is not suspended.
      await writeAt(path, GIB, kept);
      t.deepEqual(await readAt(path, GIB - 4096, 4096), kept);
    }
  },
);

guestTest.serial('a removal of which LVM was killed is ended by the next attempt', async t => {
  const pool = await files.pool(t);
  for (const ms of MOMENTS) {
    const uuid = randomUUID();
    await pool.create(uuid, 1, never());
    await killing('lvm lvremove ', ms, () => pool.delete(uuid, never()));
    await pool.delete(uuid, never());
    t.deepEqual(await files.group().leftOver(), []);
  }
});

/** Wipes a volume in as many pieces as needed: their size depends on the speed of the host. */
async function wipeAll(pool: Pool, uuid: string): Promise<void> {
  for (let bytes = 0, of = 1; bytes < of; ) ({ bytes, of } = await pool.wipe(uuid, bytes, never()));
}

/**
 * Each way to wipe: discarding (first, because discarding what was written takes long on the guest's disk),
 * zeros written by the device, zeros that are sent to it.
 */
const WAYS = [
  { how: 'discard', canZero: true, program: 'blkdiscard --offset ' },
  { how: 'zero', canZero: true, program: 'blkdiscard --zeroout ' },
  { how: 'zero', canZero: false, program: 'dd if=/dev/zero ' },
] as const;

for (const { how, canZero, program } of WAYS) {
  guestTest.serial(`wiping of which ${program}was killed in its first piece is done by the next`, async t => {
    const kernel = { ...sysfs, canZero: async () => canZero };
    const pool = await files.pool(t, { wipe: how, kernel });
    const uuid = randomUUID();
    await pool.create(uuid, 1, never());
    const { path } = pool.source(uuid);
    for (const ms of [0, 150]) {
      for (const at of [0, 8 * MIB, 200 * MIB]) await writeAt(path, at, Buffer.alloc(4096, 'secret'));
      await killing(program, ms, () => pool.wipe(uuid, 0, never()));
      await wipeAll(pool, uuid);
      t.is(await firstNonZero(path), undefined);
    }
    await pool.delete(uuid, never());
    t.deepEqual(await files.group().leftOver(), []);
  });
}
