import { join } from 'node:path';
import test from 'ava';
import { STOPPED_CRASHED, STOPPED_SHUTDOWN } from '../../src/libvirt/constants.ts';
import { startFakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { until } from '../../testkit/until.ts';
import { admin, createSite, pluggedIn } from './support/site.ts';

test('a VM that shuts down or crashes releases its disk at once, and a detach may still claim it', async t => {
  const site = await createSite(t, { reconcileIntervalMs: 3_600_000 });
  const uuid = await site.create();
  for (const [vmId, detail] of [
    ['1', STOPPED_SHUTDOWN],
    ['2', STOPPED_CRASHED],
  ] as const) {
    site.n1.addDomain({ name: `one-${vmId}` });
    await site.hotattach(uuid, vmId);
    site.n1.destroy(`one-${vmId}`, detail);
    await site.untilUsers(uuid, 0);
    t.deepEqual(await site.detach(vmId), { uuids: [uuid] });
    await t.throwsAsync(site.detach(vmId), { code: 'VM_HAS_NO_DISKS' });
  }
});

test('the death of a VM can no longer be claimed when it uses a disk again', async t => {
  const site = await createSite(t, { reconcileIntervalMs: 3_600_000 });
  const [first, second] = [await site.create(), await site.create()];
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(first, '1');
  site.n1.destroy('one-1');
  await site.untilUsers(first, 0);
  site.n1.start('one-1');
  await site.hotattach(second, '1');
  await t.throwsAsync(site.detach('1'), { code: 'VM_RUNNING' });
  site.n1.destroy('one-1');
  await site.untilUsers(second, 0);
  t.deepEqual(await site.detach('1'), { uuids: [second] });
});

test('the death of a VM on one node can no longer be claimed when the VM uses a disk again on another', async t => {
  const site = await createSite(t, { reconcileIntervalMs: 3_600_000 });
  const uuid = await site.create();
  const { uuid: domain } = site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  site.n1.destroy('one-1');
  await site.untilUsers(uuid, 0);
  site.n2.addDomain({ name: 'one-1', uuid: domain });
  await site.hotattach(uuid, '1', 'n2');
  await t.throwsAsync(site.hotdetach(uuid, '1', 'n1'), { code: 'ATTACHMENT_UNKNOWN' });
  await t.throwsAsync(site.detach('1', 'n1'), { code: 'VM_HAS_NO_DISKS' });
  t.deepEqual(pluggedIn(site.n2, 'one-1'), [uuid]);
});

test('the death of a VM can no longer be claimed when it was started again with its disk', async t => {
  const site = await createSite(t, { reconcileIntervalMs: 3_600_000 });
  const uuid = await site.create();
  const { uuid: domain } = site.n1.addDomain({ name: 'one-1', persistent: false });
  await site.hotattach(uuid, '1');
  const live = site.n1.domain('one-1').disks.map(disk => ({ ...disk }));
  site.n1.destroy('one-1');
  await site.untilUsers(uuid, 0);
  site.n2.addDomain({ name: 'one-1', uuid: domain, running: false });
  site.n2.domain('one-1').coldDisks = live;
  site.n2.start('one-1');
  await site.untilUsers(uuid, 1);
  await t.throwsAsync(site.hotdetach(uuid, '1', 'n1'), { code: 'ATTACHMENT_UNKNOWN' });
});

test('a death that no event told of is proved by the last state of the VM, if every host has answered', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  await site.n1.stop();
  site.n1.destroy('one-1');
  await site.n1.listen();
  await site.untilUsers(uuid, 0);
  t.deepEqual(await site.detach('1'), { uuids: [uuid] });
});

test('a VM that is in no list any more does not count as dead: a person has to decide, and the frontend is one', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1', persistent: false });
  await site.hotattach(uuid, '1');
  await site.n1.stop();
  site.n1.destroy('one-1');
  await site.n1.listen();
  t.is(await site.untilDoubt(uuid), 'no host shows it, and nobody saw its end');
  t.like(site.disks.service.getDetails(admin, uuid).waiting[0], { for: 'person', until: null });
  t.true(site.published.some(({ type, subject }) => type === 'disk.machine-lost' && subject === uuid));
  t.deepEqual(await site.detach('1'), { uuids: [uuid] });
  t.is(site.users(uuid), 0);
});

test('a saved VM keeps its disk, whether the saving was seen or not', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  site.n1.save('one-1');
  const before = site.n1.calls.length;
  await until(() => site.n1.calls.length > before + 40, 'some passes over the saved VM');
  t.is(site.users(uuid), 1);
  site.n1.start('one-1');
  await site.hotdetach(uuid, '1');
  t.is(site.users(uuid), 0);
});

test('a VM that migrates takes its disk along', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  const { uuid: domain } = site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  const disks = [...site.n1.domain('one-1').disks];
  site.n2.addDomain({ name: 'one-1', uuid: domain });
  site.n2.domain('one-1').disks = disks;
  await t.throwsAsync(site.hotattach(uuid, '1', 'n2'), { code: 'ALREADY_ATTACHED' });
  site.n1.migrateAway('one-1');
  await until(async () => {
    const answer = await site.hotdetach(uuid, '1', 'n2').catch(() => undefined);
    return answer !== undefined;
  }, 'the attachment to follow its VM');
  t.is(site.users(uuid), 0);
  t.deepEqual(pluggedIn(site.n2, 'one-1'), []);
});

test('a VM that migrates to an unknown host keeps its disk, and that is reported', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  site.n1.migrateAway('one-1');
  t.is(await site.untilDoubt(uuid), 'it has migrated, and no host shows it');
  t.is(site.users(uuid), 1);
  await site.restart();
  t.is(await site.untilDoubt(uuid), 'it has migrated, and no host shows it');
  t.is(site.users(uuid), 1);
  await t.throwsAsync(site.hotdetach(uuid, '1'), { code: 'UNPLUG_UNKNOWN' });
  t.deepEqual(await site.detach('1'), { uuids: [uuid] });
  t.is(site.users(uuid), 0);
});

test('a device that is missing from the live VM is released, other devices of the VM are not', async t => {
  const site = await createSite(t);
  const [first, second] = [await site.create(), await site.create()];
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(first, '1');
  await site.hotattach(second, '1');
  const vm = site.n1.domain('one-1');
  vm.disks = vm.disks.filter(disk => disk.alias !== `ua-${first}`);
  await site.untilUsers(first, 0);
  t.is(site.users(second), 1);
});

test("another host under a node's name releases nothing until an administrator agrees", async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  await until(
    () => site.n1.calls.filter(call => call.procedure === 'connectGetCapabilities').length > 1,
    'a whole pass',
  );
  await site.n1.stop();
  const impostor = await startFakeLibvirtd({ unix: join(site.directory, 'n1') });
  t.teardown(() => impostor.stop());
  await site.untilLogged(`host ${impostor.hostUuid} answers where host ${site.n1.hostUuid} was known`);
  const before = impostor.calls.length;
  await until(() => impostor.calls.length > before + 20, 'some passes over the other host');
  t.is(site.users(uuid), 1);
  await t.throwsAsync(site.detach('1'), { code: 'VM_FATE_UNKNOWN' });
  await t.throwsAsync(site.hotdetach(uuid, '1'), { code: 'NODE_DOUBTED', message: /answers where host/ });
  t.deepEqual(
    impostor.calls.filter(call => call.procedure === 'domainDetachDeviceAlias'),
    [],
    'nothing is asked of a host that is not believed',
  );
  t.is(site.users(uuid), 1);
  await site.disks.nodes.agree(admin, 'n1');
  t.is(await site.untilDoubt(uuid), 'no host shows it, and nobody saw its end');
  t.deepEqual(await site.detach('1'), { uuids: [uuid] });
});

test('when nearly everything on a node seems gone at once, nothing is released until an administrator agrees', async t => {
  const site = await createSite(t, { reconcileIntervalMs: 1000 });
  const uuids = await site.plugged(12);
  await site.n1.stop();
  for (let vm = 1; vm <= 12; vm += 1) site.n1.destroy(`one-${vm}`);
  await site.n1.listen();
  await site.untilLogged('12 of 12 attachments seem to have lost');
  t.deepEqual(new Set(uuids.map(site.users)), new Set([1]));
  await t.throwsAsync(site.disks.nodes.agree({ account: 'u', role: 'user' }, 'n1'), { code: 'FORBIDDEN' });
  await site.disks.nodes.agree(admin, 'n1');
  for (const uuid of uuids) await site.untilUsers(uuid, 0);
  await t.throwsAsync(site.disks.nodes.agree(admin, 'n1'), { code: 'NO_ALARM' });
});
