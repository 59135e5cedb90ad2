import test from 'ava';
import { bootGuest } from '../../testkit/guest.ts';
import { beforeLibvirtTests, libvirtTest } from '../../testkit/libvirt-test.ts';
import { type Libvirtd, startLibvirtd } from '../../testkit/libvirtd.ts';
import { type Service, startService } from '../../testkit/service.ts';
import { nothingIsLeft, on, refusal, serialOf } from './support/disks.ts';

let libvirtd: Libvirtd;
let service: Service;

beforeLibvirtTests(async () => {
  libvirtd = await startLibvirtd();
  service = await startService({
    nodes: { 'onehost-1': libvirtd.uri, 'onehost-3': 'qemu+tcp://127.0.0.1:1/system' },
  });
});

test.after.always(async () => {
  await service?.remove();
  await libvirtd?.stop();
});

test.afterEach.always(t => {
  if (!t.passed) t.log(service?.log().slice(-1500));
});

async function elementFor(uuid: string, vm: string): Promise<string> {
  const reply = await service.call('GET', `/api/disks/${uuid}/libvirt?node=onehost-1&vm_id=${vm}`);
  if (reply.status !== 200) throw new Error(reply.text);
  return reply.text;
}

libvirtTest(
  'a VM launched with a registered disk writes, is killed and detached, and the next one reads',
  async t => {
    const uuid = await service.create();
    const registered = await service.call('POST', `/api/attach/${uuid}`, on('11'));
    t.deepEqual(
      [registered.status, registered.body],
      [200, { node: 'onehost-1', vm_id: '11', uuid: [uuid] }],
    );
    t.deepEqual((await service.call('POST', `/api/attach/${uuid}`, on('one-11'))).status, 200);
    t.is((await service.call('GET', `/api/disks/${uuid}`)).headers.get('x-diskuser-remaining'), '0');

    const first = await bootGuest(libvirtd, { name: 'one-11', disksXml: await elementFor(uuid, '11') });
    const write = `mke2fs -q $(disk ${serialOf(uuid)}) && mount $(disk ${serialOf(uuid)}) /mnt && echo cold > /mnt/f && umount /mnt`;
    t.is((await first.run(write)).status, 0);

    t.deepEqual(refusal(await service.call('POST', '/api/detach', on('11'))), [400, 'VM_RUNNING']);
    t.deepEqual(refusal(await service.call('POST', `/api/hotdetach/${uuid}`, on('11'))), [
      400,
      'NOT_HOT_PLUGGED',
    ]);
    t.deepEqual(refusal(await service.call('POST', `/api/hotattach/${uuid}`, on('11'))), [
      400,
      'ALREADY_ATTACHED',
    ]);
    await first.destroy();
    const detached = await service.call('POST', '/api/detach', on('11'));
    t.deepEqual([detached.status, detached.body], [200, { node: 'onehost-1', vm_id: '11', uuid: [uuid] }]);
    t.deepEqual(refusal(await service.call('POST', '/api/detach', on('11'))), [400, 'VM_HAS_NO_DISKS']);

    t.is((await service.call('POST', `/api/attach/${uuid}`, on('12'))).status, 200);
    const second = await bootGuest(libvirtd, { name: 'one-12', disksXml: await elementFor(uuid, '12') });
    t.is(
      (await second.run(`mount $(disk ${serialOf(uuid)}) /mnt && cat /mnt/f && umount /mnt`)).output,
      'cold\n',
    );
    await second.destroy();
    t.is((await service.call('POST', '/api/detach', on('12'))).status, 200);
    t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
    await nothingIsLeft(t, service, libvirtd);
  },
);

libvirtTest(
  'targets promised to a VM that is yet to be launched stay reserved, each for one disk',
  async t => {
    const uuids = [await service.create(), await service.create(), await service.create()];
    const [first = '', second = '', third = ''] = uuids;
    for (const uuid of uuids) t.is((await service.call('POST', `/api/attach/${uuid}`, on('13'))).status, 200);
    t.regex(await elementFor(first, '13'), /<target dev="vdb" bus="virtio"\/>/);
    t.regex(await elementFor(second, '13'), /dev="vdc"/);
    t.regex(await elementFor(first, '13'), /dev="vdb"/);
    const chosen = (target: string) =>
      service.call('GET', `/api/disks/${third}/libvirt?node=onehost-1&vm_id=13&target=${target}`);
    t.deepEqual(refusal(await chosen('vdc')), [400, 'TARGET_TAKEN']);
    t.regex((await chosen('vdf')).text, /dev="vdf"/);
    t.deepEqual((await service.call('POST', '/api/detach', on('13'))).body, {
      node: 'onehost-1',
      vm_id: '13',
      uuid: uuids,
    });
    for (const uuid of uuids) t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
    await nothingIsLeft(t, service, libvirtd);
  },
);

libvirtTest('registering asks for no limit and no node, and a recorded disk cannot be deleted', async t => {
  const uuid = await service.create();
  for (const node of ['onehost-1', 'onehost-3', 'nobody-knows']) {
    t.is((await service.call('POST', `/api/attach/${uuid}`, on('14', node))).status, 200);
  }
  const disk = await service.call('GET', `/api/disks/${uuid}`);
  t.is((disk.body as { users: string }).users, '3');
  t.is(disk.headers.get('x-diskuser-remaining'), '0');
  t.deepEqual(refusal(await service.call('DELETE', `/api/disks/${uuid}`)), [400, 'DISK_IN_USE']);
  for (const node of ['onehost-1', 'onehost-3', 'nobody-knows']) {
    t.is((await service.call('POST', '/api/detach', on('14', node))).status, 200, node);
  }
  t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
  await nothingIsLeft(t, service, libvirtd);
});

libvirtTest('a user registers and detaches his own disks only', async t => {
  const alice = await service.account('alice', 'user');
  const bob = await service.account('bob', 'user');
  const cloud = await service.account('cloud', 'service');
  const uuid = await service.create(1, 'public', alice);
  const as = (who: string) => ({ ...on('15'), as: who });
  t.deepEqual(refusal(await service.call('POST', `/api/attach/${uuid}`, as(bob))), [400, 'FORBIDDEN']);
  t.is((await service.call('POST', `/api/attach/${uuid}`, as(cloud))).status, 200);
  t.deepEqual(refusal(await service.call('POST', '/api/detach', as(bob))), [400, 'FORBIDDEN']);
  t.is((await service.call('POST', '/api/detach', as(alice))).status, 200);
  t.is((await service.call('DELETE', `/api/disks/${uuid}`, { as: alice })).status, 200);
  for (const name of ['alice', 'bob', 'cloud'])
    t.is((await service.call('DELETE', `/api/users/${name}`)).status, 200);
  await nothingIsLeft(t, service, libvirtd);
});
