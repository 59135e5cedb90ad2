// A guest that releases a disk while its VM migrates. libvirt removes a device from a domain in a job of its
// own, which waits for the migration: meanwhile there is no event, QEMU at the source has closed the image,
// and the copy was started with it.
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { libvirtTest } from '../../testkit/libvirt-test.ts';
import { allIsSent, beginMigration, holds, untilState } from '../../testkit/migration.ts';
import type { Reply } from '../../testkit/service.ts';
import { until } from '../../testkit/until.ts';
import { on, serialOf } from './support/disks.ts';
import {
  endScene,
  newName,
  realPlaces,
  type Scene,
  scene,
  services,
  startRivals,
  untilItIsAt,
  useTwoHosts,
} from './support/two-hosts.ts';

useTwoHosts({ detach_timeout: 110 });

/**
 * A shell line for the guest that polls the disk for a signal and then ejects the disk. The signal is on the
 * disk because nothing may write to the console of a guest that migrates.
 */
const releaseOnSignal = (disk: string): string => `
d=$(disk ${serialOf(disk)}) || exit 1
port=$(readlink -f /sys/block/\${d#/dev/}/device/..)
until dd if=$d bs=512 count=1 iflag=direct 2> /dev/null | grep -q ^go; do sleep 0.2; done
for slot in /sys/bus/pci/slots/*; do
  case $port in */$(cat $slot/address).*) echo 0 > $slot/power ;; esac
done
[ ! -e $d ]`;

interface Ejecting extends Scene {
  /** Gives the signal; resolves when the guest has released the disk. */
  release(): Promise<void>;
  /** The answer to the request to unplug the disk, which the guest ignores. */
  readonly answer: Promise<Reply>;
}

/** A VM whose guest was asked to release its disk and has not. */
async function asked(t: ExecutionContext): Promise<Ejecting> {
  const there = await scene(t, services.named, newName());
  const { service, vm, disk, guest } = there;
  await guest.run('unwilling');
  const waiting = guest.run(releaseOnSignal(disk), { timeoutMs: 240_000 });
  const answer = service.call('POST', `/api/hotdetach/${disk}`, on(vm, 'host-1'));
  await until(async () => {
    const { body } = await service.call('GET', `/api/vms/host-1/${vm}`);
    return (body as { disks: { state: string }[] }).disks.some(({ state }) => state === 'detaching');
  }, 'the request');
  return {
    ...there,
    answer,
    async release() {
      const volume = await open(join(service.pool, `${disk}.raw`), 'r+');
      try {
        await volume.write('go\n');
        await volume.sync();
      } finally {
        await volume.close();
      }
      t.is((await waiting).status, 0);
    },
  };
}

libvirtTest(
  'a disk that a guest releases while it is copied stays in the copy, and in use until it is unplugged there',
  async t => {
    const there = await asked(t);
    const { service, vm, disk, from, to } = there;
    const lift = startRivals(t, service, disk);
    const migration = await beginMigration(vm, from, to);
    await there.release();
    t.deepEqual(await realPlaces(vm, disk), ['host-1', 'host-2']);
    await migration.hurry();
    t.is(await migration.ended, undefined);
    await untilItIsAt(t, service, vm, disk, ['host-2']);
    await lift();
    // After a boot, the guest does not ignore requests.
    await to.virsh('reset', vm);
    const answer = await there.answer;
    t.is(answer.status, 200, answer.text);
    await untilItIsAt(t, service, vm, disk, []);
    await endScene(t, there);
  },
);

libvirtTest(
  'a disk that a guest releases while it is copied is free once the migration is aborted',
  async t => {
    const there = await asked(t);
    const { service, vm, disk, from, to } = there;
    const lift = startRivals(t, service, disk);
    const migration = await beginMigration(vm, from, to);
    await there.release();
    await lift();
    await from.virsh('domjobabort', vm);
    t.regex((await migration.ended) ?? '', /error/);
    const answer = await there.answer;
    t.is(answer.status, 200, answer.text);
    await untilItIsAt(t, service, vm, disk, []);
    await endScene(t, there);
  },
);

libvirtTest(
  'a disk that a guest releases after its migration is free once the new location is known',
  async t => {
    const there = await asked(t);
    const { service, vm, disk, from, to } = there;
    const migration = await beginMigration(vm, from, to, ['--p2p']);
    await to.signal('STOP');
    try {
      await migration.hurry();
      await untilState(from, vm, 'paused (migrating)');
      await until(() => allIsSent(from, vm), 'all to be sent');
      // The source's libvirtd is stopped, so that it does not notice that the migration has succeeded.
      await from.signal('STOP');
    } finally {
      await to.signal('CONT');
    }
    try {
      await untilState(to, vm, 'running (migrated)');
      await there.release();
      await until(async () => !(await holds(to, vm, disk)), 'the disk to be out');
    } finally {
      await from.signal('CONT');
    }
    t.is(await migration.ended, undefined);
    const answer = await there.answer;
    t.is(answer.status, 200, answer.text);
    await untilItIsAt(t, service, vm, disk, []);
    await endScene(t, there);
  },
);
