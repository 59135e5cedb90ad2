// The service itself with a pool of logical volumes: killed, held up, and driven hard.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { sysfs } from '../../src/storage/lvm/kernel.ts';
import { type Service, startService } from '../rig/service.ts';
import { until } from '../rig/until.ts';
import { createVolumeGroup, guestTest, inGuest, run, type VolumeGroup } from './support/guest.ts';

const VG = 'service';
const GIB = 2 ** 30;
const CYCLES = 100;
const IN_FLIGHT = 16;
const LONG = { timeoutMs: 120_000 };

let group: VolumeGroup;
let service: Service;

if (inGuest) {
  test.serial.before(async () => {
    group = await createVolumeGroup(VG);
    service = await startService({ pool: `lvm:${VG}`, wipe_rate: 400, nodes: {} });
  });
}

test.after.always(async () => {
  await service?.remove();
  await group?.remove();
});

test.afterEach.always(t => {
  if (!t.passed) t.log(service?.log().slice(-3000));
});

const deviceOf = (uuid: string): string => `/dev/${VG}/pdisk-${uuid}`;
const extentsOf = async (uuid: string): Promise<string> =>
  (await run('lvs', '--noheadings', '-o', 'seg_pe_ranges', `${VG}/pdisk-${uuid}`)).trim();

interface Disk {
  readonly uuid: string;
  readonly size: string;
}

const disks = async (): Promise<readonly Disk[]> => (await service.call('GET', '/api/disks')).body as Disk[];

const nothingLeft = (): Promise<unknown> =>
  until(async () => (await group.leftOver()).length === 0, 'nothing to be left of any volume', LONG);

/** Asks, kills the service `ms` later, and starts it again. */
async function killed(ms: number, ask: () => Promise<unknown>): Promise<void> {
  const asked = ask().catch(() => undefined);
  await delay(ms);
  await service.kill();
  await asked;
  await service.start();
}

async function removeAll(): Promise<void> {
  for (const { uuid } of await disks()) await service.call('DELETE', `/api/disks/${uuid}`);
  await nothingLeft();
}

guestTest.serial(
  'killed while it makes a disk, the service makes or undoes it, and nothing in between stays',
  async t => {
    for (const ms of [30, 400]) {
      await killed(ms, () => service.create());
      const volumes = await until(
        async () => {
          const there = (await group.leftOver()).filter(line => line.startsWith('pdisk-')).sort();
          const known = (await disks()).map(({ uuid }) => `pdisk-${uuid}`).sort();
          return there.join() === known.join() && { there };
        },
        'volumes and disks to be the same',
        LONG,
      );
      t.true(volumes.there.length <= 1);
      await removeAll();
    }
  },
);

guestTest.serial('killed while a disk grows, the service ends it', async t => {
  const uuid = await service.create();
  for (const [ms, size] of [
    [30, '2'],
    [500, '3'],
  ] as const) {
    await killed(ms, () => service.call('POST', `/api/resize/${uuid}`, { form: { size } }));
    await until(
      async () => {
        const [disk] = await disks();
        return (await sysfs.bytesOf(deviceOf(uuid))) === Number(disk?.size) * GIB;
      },
      'the volume to have the size of its disk',
      LONG,
    );
    const again = await service.call('POST', `/api/resize/${uuid}`, { form: { size } });
    t.true(again.status === 200 || again.headers.get('x-error-code') === 'NOT_LARGER', again.text);
    t.is(await sysfs.bytesOf(deviceOf(uuid)), Number(size) * GIB);
  }
  await removeAll();
});

guestTest.serial(
  'killed while it wipes, the service goes on, and the next disk there reads zeros',
  async t => {
    const uuid = await service.create();
    await run(
      'sh',
      '-c',
      `yes secret | dd of=${deviceOf(uuid)} bs=1M count=1024 iflag=fullblock oflag=direct status=none`,
    );
    const extents = await extentsOf(uuid);
    t.is(await run('sh', '-c', `tail -c 7 ${deviceOf(uuid)} | od -c | head -n 1 | wc -l`), '1\n');
    t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
    t.deepEqual(await disks(), []);
    const isZero = (at: number): Promise<boolean> =>
      run(
        'sh',
        '-c',
        `dd if=${deviceOf(uuid)} bs=4096 count=1 skip=${at / 4096} iflag=direct status=none | cmp -s -n 4096 - /dev/zero`,
      ).then(
        () => true,
        () => false,
      );
    await until(() => isZero(0), 'the wiping to begin', LONG);
    await service.kill();
    t.false(await isZero(GIB - 4096), 'the wiping was over before the kill');
    await service.start();
    await nothingLeft();
    const next = await service.create();
    t.is(await extentsOf(next), extents);
    await run('cmp', '--bytes', String(GIB), deviceOf(next), '/dev/zero');
    await removeAll();
  },
);

guestTest.serial('a volume group that another program holds for 20 s delays and breaks nothing', async t => {
  const begin = performance.now();
  const holder = spawn('/usr/bin/flock', [`/run/lock/lvm/V_${VG}`, 'sh', '-c', 'echo held; sleep 20'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(holder.stdout, 'data');
  const uuids = await Promise.all([service.create(), service.create()]);
  t.true(performance.now() - begin >= 20_000);
  t.deepEqual((await disks()).map(({ uuid }) => uuid).sort(), [...uuids].sort());
  await removeAll();
});

guestTest.serial(
  'a hundred creations and deletions, 16 in flight, leave no volume, no device and no process',
  async t => {
    t.timeout(900_000);
    await service.remove();
    // The next one is another pdisk, with a data folder of its own.
    const [tag = ''] = (await run('vgs', '--noheadings', '-o', 'vg_tags', VG)).trim().split(',');
    await run('vgchange', '--quiet', '--deltag', tag, VG);
    service = await startService({
      pool: `lvm:${VG}`,
      wipe: 'none',
      create_timeout: 600,
      delete_timeout: 600,
      nodes: {},
    });
    let left = CYCLES;
    async function cycle(): Promise<void> {
      while (left > 0) {
        left -= 1;
        const uuid = await service.create();
        const reply = await service.call('DELETE', `/api/disks/${uuid}`);
        t.is(reply.status, 200, reply.text);
      }
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, cycle));
    t.deepEqual(await group.leftOver(), []);
    t.deepEqual(await disks(), []);
  },
);
