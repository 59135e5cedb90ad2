// What people do to VMs behind the service's back, on real libvirt: a disk is in use if it may come back with
// its VM, or if a live domain has it.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { bootGuest } from '../../testkit/guest.ts';
import { beforeLibvirtTests, libvirtTest } from '../../testkit/libvirt-test.ts';
import { type Libvirtd, startLibvirtd } from '../../testkit/libvirtd.ts';
import { holds } from '../../testkit/migration.ts';
import { leftOver } from '../../testkit/nothing-left.ts';
import { type Service, startService } from '../../testkit/service.ts';
import { until } from '../../testkit/until.ts';
import { subscribe } from '../events/support/subscriber.ts';
import { diskUp, on, usersOf } from './support/disks.ts';

const RIVAL = 'one-30';

let libvirtd: Libvirtd;
let service: Service;

beforeLibvirtTests(async () => {
  libvirtd = await startLibvirtd();
  await bootGuest(libvirtd, { name: RIVAL });
  service = await startService({ nodes: { 'onehost-1': libvirtd.uri }, reconcile_interval: 1 });
});

test.after.always(async () => {
  await service?.remove();
  await libvirtd?.stop();
});

test.afterEach.always(t => {
  if (!t.passed) t.log(service?.log().slice(-2500));
});

const statusOf = async (method: string, path: string, vm?: string): Promise<number> =>
  (await service.call(method, path, vm === undefined ? {} : on(vm))).status;

const takenBy = async (uuid: string, vm: string): Promise<string> => {
  const reply = await service.call('POST', `/api/hotattach/${uuid}`, on(vm));
  return `${reply.status} ${reply.headers.get('x-error-code')}`;
};

const removed = async (uuid: string): Promise<string> => {
  const reply = await service.call('DELETE', `/api/disks/${uuid}`);
  return `${reply.status} ${reply.headers.get('x-error-code')}`;
};

const untilUsers = (uuid: string, users: string): Promise<unknown> =>
  until(async () => (await usersOf(service, uuid)) === users, `${users} users of ${uuid}`, {
    timeoutMs: 60_000,
    hint: () => service.log().slice(-1500),
  });

/** A guest with a disk plugged. */
async function guestWithDisk(t: ExecutionContext, name: string, persistent = true) {
  t.teardown(async () => {
    await libvirtd.virsh('destroy', name).catch(() => undefined);
    await libvirtd.virsh('undefine', name).catch(() => undefined);
  });
  const uuid = await service.create();
  const guest = await bootGuest(libvirtd, { name, persistent });
  const plugged = await service.call('POST', `/api/hotattach/${uuid}`, on(name));
  if (plugged.status !== 200) throw new Error(plugged.text);
  await guest.waitFor(diskUp(uuid));
  return { uuid, guest };
}

/** Ends a guest for good; its disk is free soon after. */
async function endForGood(name: string, uuid: string): Promise<void> {
  await libvirtd.virsh('destroy', name);
  await libvirtd.virsh('undefine', name).catch(() => undefined);
  await untilUsers(uuid, '0');
}

async function nothingIsLeftOf(t: ExecutionContext, uuid: string): Promise<void> {
  const left = await leftOver({ pool: service.pool, libvirtds: [libvirtd] });
  t.deepEqual(
    left.filter(line => line.includes(uuid)),
    [],
  );
}

for (const [what, name, persistent] of [
  ['a VM with a definition', 'one-31', true],
  ['a VM without a definition', 'one-32', false],
] as const) {
  libvirtTest(
    `${what}, saved to a file while the service was down, keeps its disk until it is restored`,
    async t => {
      const { uuid } = await guestWithDisk(t, name, persistent);
      // A second guest, whose end is certain: when its disk is free, the nodes have been looked at.
      const control = await guestWithDisk(t, `${name}-control`);
      const file = join(libvirtd.dir, `${name}.saved`);

      await service.kill();
      await libvirtd.virsh('save', name, file);
      await libvirtd.killGuest(`${name}-control`);
      await service.start();
      await untilUsers(control.uuid, '0');
      t.is(await usersOf(service, uuid), '1');
      t.is(await takenBy(uuid, RIVAL), '400 LIMIT_REACHED');
      t.is(await removed(uuid), '400 DISK_IN_USE');

      if (persistent) {
        await service.kill();
        // The next libvirtd does not know why the VM is off.
        await libvirtd.restart('KILL');
        await service.start();
        t.is(await takenBy(uuid, RIVAL), '400 LIMIT_REACHED');
      }
      await libvirtd.virsh('restore', file);
      t.true(await holds(libvirtd, name, uuid));
      t.is(await takenBy(uuid, RIVAL), '400 LIMIT_REACHED');
      const off = await service.call('POST', `/api/hotdetach/${uuid}`, on(name));
      t.is(off.status, 200, off.text);
      t.false(await holds(libvirtd, name, uuid));

      await endForGood(name, uuid);
      await libvirtd.virsh('undefine', `${name}-control`);
      for (const each of [uuid, control.uuid]) t.is(await statusOf('DELETE', `/api/disks/${each}`), 200);
      for (const each of [uuid, control.uuid]) await nothingIsLeftOf(t, each);
    },
  );
}

libvirtTest(
  'a disk that is written to an overlay is not unplugged: what was written would be lost',
  async t => {
    const name = 'one-33';
    const { uuid } = await guestWithDisk(t, name);
    const changes = await subscribe(service.url, '');
    t.teardown(() => changes.close());
    const overlay = join(libvirtd.dir, 'overlay.qcow2');
    const where = `vda,snapshot=external,file=${overlay}`;
    await libvirtd.virsh('snapshot-create-as', name, '--disk-only', '--no-metadata', '--diskspec', where);
    const refused = await service.call('POST', `/api/hotdetach/${uuid}`, on(name));
    t.is(refused.status, 400, refused.text);
    t.regex(refused.text, /overlay|snapshot/, 'it says what is the matter');
    t.regex(refused.text, /commit/, 'and what to do');
    await until(
      () =>
        changes.events().some(({ type, subject }) => String(type) === 'disk.diverted' && subject === uuid),
      'a pass to notice the overlay',
    );

    t.true(await holds(libvirtd, name, uuid));
    t.is(await takenBy(uuid, RIVAL), '400 LIMIT_REACHED');
    t.is(await removed(uuid), '400 DISK_IN_USE');

    await libvirtd.virsh('blockcommit', name, 'vda', '--active', '--pivot', '--wait');
    const off = await service.call('POST', `/api/hotdetach/${uuid}`, on(name));
    t.is(off.status, 200, off.text);
    await endForGood(name, uuid);
    t.is(await statusOf('DELETE', `/api/disks/${uuid}`), 200);
    await nothingIsLeftOf(t, uuid);
  },
);

libvirtTest(
  'a VM that was redefined from its live XML starts again without the disk, which another VM may get',
  async t => {
    const name = 'one-34';
    const { uuid } = await guestWithDisk(t, name);
    const live = join(libvirtd.dir, `${name}.live.xml`);
    await writeFile(live, await libvirtd.virsh('dumpxml', name));
    await libvirtd.virsh('define', live);
    await libvirtd.virsh('destroy', name);
    await untilUsers(uuid, '0');
    t.notRegex(await libvirtd.virsh('dumpxml', '--inactive', name), new RegExp(`ua-${uuid}`));
    // Also where it is defined with the disk after its end.
    await libvirtd.virsh('define', live);
    const isDefined = async () =>
      (await libvirtd.virsh('dumpxml', '--inactive', name)).includes(`ua-${uuid}`);
    await until(async () => !(await isDefined()), 'the definition to be put right', { timeoutMs: 60_000 });
    const plugged = await service.call('POST', `/api/hotattach/${uuid}`, on(RIVAL));
    t.is(plugged.status, 200, plugged.text);
    await libvirtd.virsh('start', name);
    t.false(await holds(libvirtd, name, uuid));
    t.true(await holds(libvirtd, RIVAL, uuid));

    const off = await service.call('POST', `/api/hotdetach/${uuid}`, on(RIVAL));
    t.is(off.status, 200, off.text);
    t.is(await statusOf('DELETE', `/api/disks/${uuid}`), 200);
    await nothingIsLeftOf(t, uuid);
  },
);

libvirtTest(
  'a VM without a definition that gets one from its live XML, and is killed, starts again without the disk',
  async t => {
    const name = 'one-36';
    const { uuid } = await guestWithDisk(t, name, false);
    const live = join(libvirtd.dir, `${name}.live.xml`);
    await writeFile(live, await libvirtd.virsh('dumpxml', name));
    await libvirtd.virsh('define', live);
    await libvirtd.killGuest(name);
    await untilUsers(uuid, '0');
    await libvirtd.virsh('start', name);
    t.false(await holds(libvirtd, name, uuid));
    t.is(await statusOf('DELETE', `/api/disks/${uuid}`), 200);
    await nothingIsLeftOf(t, uuid);
  },
);

libvirtTest(
  'an unregistered VM that is started from a definition with the disk counts as its user',
  async t => {
    const name = 'one-34';
    const { uuid } = await guestWithDisk(t, name);
    const live = join(libvirtd.dir, `${name}.live.xml`);
    await writeFile(live, await libvirtd.virsh('dumpxml', name));
    await libvirtd.virsh('destroy', name);
    await untilUsers(uuid, '0');
    // The frontend's detach is trusted, so the service forgets the VM.
    t.is((await service.call('POST', '/api/detach', on(name))).status, 200);
    await libvirtd.virsh('define', live);
    const drift = async () => (await service.call('GET', '/api/drift')).text;
    await until(async () => /definition-keeps/.test(await drift()), 'the difference', { timeoutMs: 60_000 });
    await libvirtd.virsh('start', name);
    t.true(await holds(libvirtd, name, uuid));

    t.regex(await removed(uuid), /^400 /);
    t.regex(await takenBy(uuid, RIVAL), /^400 (?!IMAGE_LOCKED)/);
    t.true(await holds(libvirtd, name, uuid));

    await libvirtd.virsh('destroy', name);
    await libvirtd.virsh('undefine', name);
    await until(async () => (await statusOf('DELETE', `/api/disks/${uuid}`)) === 200, 'the disk to be free', {
      timeoutMs: 60_000,
    });
    await nothingIsLeftOf(t, uuid);
  },
);

libvirtTest('a disk that was plugged by hand, by the path of its volume, is in use', async t => {
  const uuid = await service.create();
  const path = join(service.pool, `${uuid}.raw`);
  await libvirtd.virsh('attach-disk', RIVAL, path, 'vdz', '--live', '--targetbus', 'virtio');
  // libvirt may answer virsh before it sends the event.
  const drift = async () => (await service.call('GET', '/api/drift')).text;
  await until(async () => (await drift()).includes(uuid), 'the difference', { timeoutMs: 60_000 });
  t.regex(await removed(uuid), /^400 /);
  const name = 'one-35';
  const guest = await bootGuest(libvirtd, { name });
  t.regex(await takenBy(uuid, name), /^400 (?!IMAGE_LOCKED)/);
  await libvirtd.virsh('detach-disk', RIVAL, 'vdz', '--live');
  await until(async () => (await statusOf('DELETE', `/api/disks/${uuid}`)) === 200, 'the disk to be free', {
    timeoutMs: 60_000,
  });
  await guest.destroy();
  await nothingIsLeftOf(t, uuid);
});
