// The service with a pool of logical volumes: killed, suspended, and under load.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { sysfs } from '../../src/storage/lvm/kernel.ts';
import { runCommand } from '../../testkit/command.ts';
import { type Service, startService } from '../../testkit/service.ts';
import { until } from '../../testkit/until.ts';
import { createVolumeGroup, guestTest, inGuest, programs, type VolumeGroup } from './support/guest.ts';

const VG = 'service';
const GIB = 2 ** 30;
const CYCLES = 48;
const IN_FLIGHT = 16;
const LONG = { timeoutMs: 240_000 };
/** In seconds: long enough for seventeen operations that wait for each other in an emulation. */
const timeouts = { create_timeout: 600, delete_timeout: 600 };

let group: VolumeGroup;
let service: Service;

if (inGuest) {
  test.serial.before(async () => {
    group = await createVolumeGroup(VG);
    service = await startService({ pool: `lvm:${VG}`, wipe: 'none', nodes: {}, ...timeouts });
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
const isThere = async (device: string): Promise<boolean> => (await sysfs.bytesOf(device)) !== undefined;

interface Disk {
  readonly uuid: string;
  readonly size: string;
}

const disks = async (): Promise<readonly Disk[]> => (await service.call('GET', '/api/disks')).body as Disk[];

const nothingLeft = (): Promise<unknown> =>
  until(async () => (await group.leftOver()).length === 0, 'nothing to be left of any volume', LONG);

const isRunning = (command: string) => async (): Promise<boolean> =>
  [...(await programs()).values()].some(line => line.includes(`lvm ${command} `));

/** Sends a request, kills the service when `moment` is true or after the answer, and starts it again. */
async function killedAt(moment: () => Promise<boolean>, ask: () => Promise<unknown>): Promise<void> {
  let answered = false;
  const asked = ask()
    .catch(() => undefined)
    .finally(() => {
      answered = true;
    });
  const often = { ...LONG, everyMs: 10 };
  await until(async () => answered || (await moment()), 'the moment to kill the service', often);
  await service.kill();
  await asked;
  await service.start();
}

/** Waits until the volumes are those of the disks, with their sizes, and no program of LVM is running. */
async function agreement(t: ExecutionContext): Promise<readonly Disk[]> {
  const known = await until(
    async () => {
      const found = await disks();
      const left = await group.leftOver();
      const sizes = await Promise.all(found.map(({ uuid }) => sysfs.bytesOf(deviceOf(uuid))));
      const whole = found.every(({ size }, index) => sizes[index] === Number(size) * GIB);
      return whole && left.length === found.length && found;
    },
    'devices and disks to be the same',
    LONG,
  );
  t.deepEqual((await group.volumes()).sort(), known.map(({ uuid }) => `pdisk-${uuid}`).sort());
  return known;
}

async function removeAll(t: ExecutionContext): Promise<void> {
  for (const { uuid } of await disks()) {
    const reply = await service.call('DELETE', `/api/disks/${uuid}`);
    t.is(reply.status, 200, reply.text);
  }
  await nothingLeft();
}

guestTest.serial('killed while it makes a disk, the service makes or undoes it', async t => {
  const hasDevice = async (): Promise<boolean> => (await group.leftOver()).some(line => line.startsWith(VG));
  for (const moment of [isRunning('lvcreate'), hasDevice]) {
    await killedAt(moment, () => service.create());
    const known = await agreement(t);
    t.true(known.length <= 1);
    await removeAll(t);
  }
});

guestTest.serial('killed while a disk grows, the service ends it', async t => {
  const uuid = await service.create();
  const grow = (size: string) => service.call('POST', `/api/resize/${uuid}`, { form: { size } });
  const isLarge = async (): Promise<boolean> => (await sysfs.bytesOf(deviceOf(uuid))) === 3 * GIB;
  for (const [moment, size] of [
    [isRunning('lvextend'), '2'],
    [isLarge, '3'],
  ] as const) {
    await killedAt(moment, () => grow(size));
    t.is((await agreement(t))[0]?.size, size);
    const again = await grow(size);
    t.is(again.headers.get('x-error-code'), 'NOT_LARGER', again.text);
  }
  await removeAll(t);
});

guestTest.serial('killed while it deletes a disk, the service ends it', async t => {
  for (const gone of [false, true]) {
    const uuid = await service.create();
    const moment = gone ? async () => !(await isThere(deviceOf(uuid))) : isRunning('lvremove');
    await killedAt(moment, () => service.call('DELETE', `/api/disks/${uuid}`));
    await nothingLeft();
    t.deepEqual(await disks(), []);
  }
});

guestTest.serial('a volume group that another program holds for 20 s delays and breaks nothing', async t => {
  const [goes, grows] = [await service.create(), await service.create()];
  const begin = performance.now();
  const holder = spawn('/usr/bin/flock', [`/run/lock/lvm/V_${VG}`, 'sh', '-c', 'echo held; sleep 20'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(holder.stdout, 'data');
  const changes = Promise.all([
    service.create(),
    service.create(),
    service.call('DELETE', `/api/disks/${goes}`),
    service.call('POST', `/api/resize/${grows}`, { form: { size: '2' } }),
  ]);
  t.true((await disks()).some(({ uuid }) => uuid === grows));
  t.is(holder.exitCode, null, 'the list of disks waited for the volume group');
  const [first, second, deleted, grown] = await changes;
  t.true(performance.now() - begin >= 20_000);
  t.is(deleted.status, 200, deleted.text);
  t.is(grown.status, 200, grown.text);
  const known = await agreement(t);
  t.deepEqual(known.map(({ uuid }) => uuid).sort(), [first, second, grows].sort());
  await removeAll(t);
});

guestTest.serial(
  'creations and deletions, 16 in flight, leave no volume, no device and no process',
  async t => {
    t.timeout(900_000);
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
    // A label that was to be written may still be looked up.
    await nothingLeft();
    t.deepEqual(await disks(), []);
  },
);

guestTest.serial(
  'after the loss of the store every volume is a disk again, with its owner and tag',
  async t => {
    const alice = await service.account('alice', 'user');
    const form = { size: '1', tag: 'mail of “Alice”, 100 %', visibility: 'public' };
    t.is((await service.call('POST', '/api/create', { as: alice, form })).status, 201);
    const edited = await service.create();
    const edit = { form: { tag: 'another tag' } };
    t.is((await service.call('PATCH', `/api/disks/${edited}`, edit)).status, 200);
    const before = await disks();
    const volumes = await group.volumes();
    await service.stop();
    await rm(join(dirname(service.pool), 'db'), { recursive: true });
    const recovered = await runCommand(service, ['recover'], { PDISK_ADMIN_PASSWORD: 'correct horse' });
    t.is(recovered.status, 0, recovered.stderr);
    await service.start();
    const byUuid = (one: Disk, other: Disk): number => (one.uuid < other.uuid ? -1 : 1);
    t.deepEqual([...(await disks())].sort(byUuid), [...before].sort(byUuid));
    t.deepEqual(await group.volumes(), volumes);
    t.deepEqual((await service.call('GET', '/api/leftovers')).body, []);
    await removeAll(t);
  },
);
