import test from 'ava';
import { bootGuest } from '../../testkit/guest.ts';
import { beforeLibvirtTests, libvirtTest } from '../../testkit/libvirt-test.ts';
import { type Libvirtd, startLibvirtd } from '../../testkit/libvirtd.ts';
import { type Service, startService } from '../../testkit/service.ts';
import { until } from '../../testkit/until.ts';
import { diskUp, nothingIsLeft, on, refusal, serialOf, usersOf } from './support/disks.ts';

let libvirtd: Libvirtd;
let service: Service;

beforeLibvirtTests(async () => {
  libvirtd = await startLibvirtd();
  service = await startService({
    nodes: { 'onehost-1': libvirtd.uri },
    detach_timeout: 20,
    reconcile_interval: 5,
  });
});

test.after.always(async () => {
  await service?.remove();
  await libvirtd?.stop();
});

test.afterEach.always(t => {
  if (!t.passed) t.log(service?.log().slice(-1500));
});

const users = (uuid: string): Promise<string> => usersOf(service, uuid);

const released = (uuid: string): Promise<unknown> =>
  until(async () => (await users(uuid)) === '0', `disk ${uuid} to be released`, { timeoutMs: 60_000 });

libvirtTest(
  'a guest that is destroyed gives its disk back, and the frontend may still detach it once',
  async t => {
    const uuid = await service.create();
    const guest = await bootGuest(libvirtd, { name: 'one-21' });
    t.is((await service.call('POST', `/api/hotattach/${uuid}`, on('21'))).status, 200);
    t.deepEqual(refusal(await service.call('POST', '/api/detach', on('21'))), [400, 'VM_RUNNING']);
    await guest.destroy();
    await released(uuid);
    const answer = { node: 'onehost-1', vm_id: '21', uuid: [uuid] };
    const detached = await service.call('POST', '/api/detach', on('21'));
    t.deepEqual([detached.status, detached.body], [200, answer]);
    t.deepEqual(refusal(await service.call('POST', '/api/detach', on('21'))), [400, 'VM_HAS_NO_DISKS']);
    t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
    await nothingIsLeft(t, service, libvirtd);
  },
);

libvirtTest(
  'a guest that disappeared while the service was down keeps its disk until the frontend detaches it',
  async t => {
    const uuid = await service.create();
    const guest = await bootGuest(libvirtd, { name: 'one-22' });
    t.is((await service.call('POST', `/api/hotattach/${uuid}`, on('22'))).status, 200);
    await service.kill();
    await guest.destroy();
    await service.start();
    const whole = () => service.call('GET', `/api/disks/${uuid}?view=full`);
    const waiting = async () => ((await whole()).body as { waiting: { for: string }[] }).waiting[0]?.for;
    await until(async () => (await waiting()) === 'person', 'the doubt to be shown', { timeoutMs: 60_000 });
    t.is(await users(uuid), '1');
    t.deepEqual(refusal(await service.call('POST', `/api/hotdetach/${uuid}`, on('22'))), [
      504,
      'UNPLUG_UNKNOWN',
    ]);
    t.is((await service.call('POST', '/api/detach', on('22'))).status, 200);
    t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
    await nothingIsLeft(t, service, libvirtd);
  },
);

libvirtTest('detach of a VM whose end was not noticed proves the end first', async t => {
  const uuid = await service.create();
  const guest = await bootGuest(libvirtd, { name: 'one-23' });
  t.is((await service.call('POST', `/api/hotattach/${uuid}`, on('23'))).status, 200);
  await service.kill();
  await guest.destroy();
  await service.start();
  const detached = await service.call('POST', '/api/detach', on('23'));
  t.deepEqual([detached.status, detached.body], [200, { node: 'onehost-1', vm_id: '23', uuid: [uuid] }]);
  t.is(await users(uuid), '0');
  t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
  await nothingIsLeft(t, service, libvirtd);
});

libvirtTest('a guest that is saved keeps its disk, and has it when it is started again', async t => {
  const uuid = await service.create();
  const guest = await bootGuest(libvirtd, { name: 'one-24', persistent: true });
  t.is((await service.call('POST', `/api/hotattach/${uuid}`, on('24'))).status, 200);
  await guest.waitFor(diskUp(uuid));
  await libvirtd.virsh('managedsave', 'one-24');
  t.deepEqual(refusal(await service.call('DELETE', `/api/disks/${uuid}`)), [400, 'DISK_IN_USE']);
  t.deepEqual(refusal(await service.call('POST', '/api/detach', on('24'))), [503, 'VM_FATE_UNKNOWN']);
  t.is(await users(uuid), '1');
  await libvirtd.virsh('start', 'one-24');
  t.is((await guest.run(`disk ${serialOf(uuid)}`)).status, 0);
  t.is((await service.call('POST', `/api/hotdetach/${uuid}`, on('24'))).status, 200);
  await guest.destroy();
  await libvirtd.virsh('undefine', 'one-24');
  t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
  await nothingIsLeft(t, service, libvirtd);
});

libvirtTest('a guest that ignores the unplug keeps its disk, 504, until a reset lets go of it', async t => {
  const uuid = await service.create();
  const guest = await bootGuest(libvirtd, { name: 'one-25' });
  t.is((await service.call('POST', `/api/hotattach/${uuid}`, on('25'))).status, 200);
  await guest.waitFor(diskUp(uuid));
  t.is((await guest.run('unwilling')).status, 0);
  const kept = await service.call('POST', `/api/hotdetach/${uuid}`, on('25'));
  t.deepEqual(refusal(kept), [504, 'GUEST_KEPT_DISK']);
  t.is(await users(uuid), '1');
  await libvirtd.virsh('reset', 'one-25');
  await released(uuid);
  await guest.destroy();
  t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
  await nothingIsLeft(t, service, libvirtd);
});

libvirtTest('a libvirtd that is killed and comes back changes nothing, and is used again', async t => {
  const uuid = await service.create();
  const guest = await bootGuest(libvirtd, { name: 'one-26' });
  t.is((await service.call('POST', `/api/hotattach/${uuid}`, on('26'))).status, 200);
  await libvirtd.restart('KILL');
  const off = await service.call('POST', `/api/hotdetach/${uuid}`, on('26'));
  t.is(off.status, 200, off.text);
  await guest.destroy();
  t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
  await nothingIsLeft(t, service, libvirtd);
});
