// Ways in which a disk could be in two VMs at once, or be taken from a VM that has it.
import { setImmediate } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { STOPPED_FAILED } from '../../src/libvirt/constants.ts';
import type { FakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { gate } from '../../testkit/latch.ts';
import { until } from '../../testkit/until.ts';
import { admin, cause, createSite, pluggedIn } from './support/site.ts';

const NEVER_MS = 3_600_000;
type Site = Awaited<ReturnType<typeof createSite>>;

const detailsOf = (site: Site, uuid: string) => site.disks.service.getDetails(admin, uuid);

const remove = (site: Site, uuid: string) => site.disks.service.delete(admin, uuid, cause);

/** Moves the VM to the other node, with its disks, without any event. */
function migrateUnseen(from: FakeLibvirtd, to: FakeLibvirtd, name: string): void {
  const { uuid, disks } = from.domain(name);
  const taken = [...disks];
  from.migrateAway(name);
  to.addDomain({ name, uuid, persistent: false });
  to.domain(name).disks = taken;
}

async function expectOnN2(t: ExecutionContext, site: Site, uuid: string): Promise<void> {
  await until(
    () => detailsOf(site, uuid).attachments[0]?.onVm?.node === 'n1' && site.users(uuid) === 1,
    'the attachment to stay',
  );
  site.n1.addDomain({ name: 'one-2' });
  await t.throwsAsync(site.hotattach(uuid, '2'));
  t.false(pluggedIn(site.n1, 'one-2').includes(uuid));
  await until(() => site.hotdetach(uuid, '1', 'n2').catch(() => undefined), 'the attachment to follow');
  t.deepEqual(pluggedIn(site.n2, 'one-1'), []);
}

test('under the wildcard a VM that migrated while pdisk was down does not count as dead, and is found', async t => {
  const site = await createSite(t, {}, { wildcard: true });
  const [uuid, other] = [await site.create(), await site.create()];
  site.n1.addDomain({ name: 'one-1', persistent: false });
  site.n2.addDomain({ name: 'one-9' });
  await site.hotattach(uuid, '1');
  await site.hotattach(other, '9', 'n2');
  await site.restart(() => migrateUnseen(site.n1, site.n2, 'one-1'));
  await expectOnN2(t, site, uuid);
});

test('under the wildcard a VM that migrated to an unknown host does not count as dead', async t => {
  const site = await createSite(t, {}, { wildcard: true });
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1', persistent: false });
  await site.hotattach(uuid, '1');
  await site.n1.stop();
  migrateUnseen(site.n1, site.n2, 'one-1');
  await site.n1.listen();
  t.is(await site.untilDoubt(uuid), 'no host shows it, and nobody saw its end');
  site.n1.addDomain({ name: 'one-2' });
  await t.throwsAsync(site.hotattach(uuid, '2'), { code: 'LIMIT_REACHED' });
  // Once the host is met, for whatever reason, the VM is found there.
  site.n2.addDomain({ name: 'one-9' });
  await site.hotattach(await site.create(), '9', 'n2');
  await until(() => site.hotdetach(uuid, '1', 'n2').catch(() => undefined), 'the VM to be found');
  t.deepEqual(pluggedIn(site.n2, 'one-1'), []);
});

test("while a migration fails, the source's list that shows the VM again counts more than the incoming copy", async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  const migration = site.n1.migrate('one-1', site.n2);
  await site.n1.stop();
  await site.n1.listen();
  migration.to('copying');
  migration.fail('aborted');
  site.n2.addDomain({ name: 'one-2' });
  await t.throwsAsync(site.hotattach(uuid, '2', 'n2'), { code: 'LIMIT_REACHED' });
  t.is(detailsOf(site, uuid).attachments[0]?.onVm?.node, 'n1');
  t.is(site.users(uuid), 1);
  await site.hotdetach(uuid, '1');
});

test('a VM saved to a file while pdisk was down keeps its disk, whoever detaches, until an administrator vouches', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1', persistent: false });
  await site.hotattach(uuid, '1');
  site.n1.saveToFile('one-1');
  await until(() => detailsOf(site, uuid).attachments[0]?.away, 'the saving to be heard');
  await t.throwsAsync(site.detach('1'), { code: 'VM_FATE_UNKNOWN', message: /saved to a file.*force=true/s });
  t.is(site.users(uuid), 1);
  const { vouched } = await site.disks.service.detach(admin, { node: 'n1', vmId: '1' }, cause, {
    reason: 'the save file was deleted',
  });
  t.regex(vouched ?? '', /VM '1' on node 'n1' is gone/);
  t.is(site.users(uuid), 0);
  const { cause: why } = site.published.findLast(({ type }) => type === 'disk.detached') ?? {};
  t.like(why, { reason: 'the save file was deleted' });
});

test('a VM saved to a file unseen and restored has its disk all the time', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1', persistent: false });
  await site.hotattach(uuid, '1');
  let restore = (): unknown => undefined;
  await site.restart(() => {
    const saved = site.n1.saveToFile('one-1');
    restore = () => site.n1.restore(saved);
  });
  await site.untilDoubt(uuid);
  site.n1.addDomain({ name: 'one-2' });
  await t.throwsAsync(site.hotattach(uuid, '2'), { code: 'LIMIT_REACHED' });
  restore();
  await until(() => detailsOf(site, uuid).attachments[0]?.doubt === null, 'the VM to be found again');
  await site.hotdetach(uuid, '1');
  t.deepEqual(pluggedIn(site.n1, 'one-1'), []);
});

test('a registered VM under managed save keeps its disk', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  await site.disks.service.attach(admin, uuid, { node: 'n1', vmId: '1' }, cause);
  const xml = await site.disks.service.element(admin, uuid, { node: 'n1', vmId: '1' }, undefined, cause);
  site.n1.addDomain({ name: 'one-1', disks: [xml] });
  site.n1.save('one-1');
  await t.throwsAsync(site.detach('1'), { code: 'VM_FATE_UNKNOWN', message: /comes back with its disks/ });
  t.is(site.users(uuid), 1);
  site.n1.start('one-1');
  await t.throwsAsync(site.detach('1'), { code: 'VM_RUNNING' });
  site.n1.destroy('one-1');
  t.deepEqual(await site.detach('1'), { uuids: [uuid] });
});

test('a registered VM is followed when it migrates, and detached where it is', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  await site.disks.service.attach(admin, uuid, { node: 'n1', vmId: '1' }, cause);
  const xml = await site.disks.service.element(admin, uuid, { node: 'n1', vmId: '1' }, undefined, cause);
  site.n1.addDomain({ name: 'one-1', persistent: false, disks: [xml] });
  await until(() => detailsOf(site, uuid).attachments[0]?.onVm?.domain || undefined, 'the VM to be seen');
  migrateUnseen(site.n1, site.n2, 'one-1');
  await t.throwsAsync(site.detach('1', 'n1'), { message: /runs|no disks/ });
  await until(
    () => site.detach('1', 'n2').catch(error => (error.code === 'VM_RUNNING' ? error : undefined)),
    'the attachment to follow',
  );
  t.is(site.users(uuid), 1);
  site.n2.destroy('one-1');
  t.deepEqual(await site.detach('1', 'n2'), { uuids: [uuid] });
});

test('a hard reset during a plug undoes it, also in the next run', async t => {
  const site = await createSite(t, { reconcileIntervalMs: NEVER_MS });
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1' });
  const release = site.n1.hold('one-1');
  const answer = t.throwsAsync(site.hotattach(uuid, '1'));
  await until(() => site.n1.waiting('one-1') === 1, 'the plug to wait for its turn at the VM');
  site.n1.destroy('one-1');
  await answer;
  site.n1.start('one-1');
  release();
  await until(
    () => site.users(uuid) === 0 && !pluggedIn(site.n1, 'one-1').includes(uuid),
    'nothing to be left',
  );
  t.deepEqual(pluggedIn(site.n1, 'one-1'), []);
});

test('a VM that migrated, and was killed where it landed, is released by what that host says', async t => {
  const site = await createSite(t, { reconcileIntervalMs: NEVER_MS });
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1', persistent: false });
  await site.hotattach(uuid, '1');
  const migration = site.n1.migrate('one-1', site.n2);
  migration.to('over');
  site.n2.destroy('one-1');
  await site.untilUsers(uuid, 0);
  t.is(site.published.findLast(({ type }) => type === 'disk.detached')?.cause.kind, 'machine-stopped');
});

test('the end of an incoming copy that is thrown away says nothing of the VM', async t => {
  const site = await createSite(t, { reconcileIntervalMs: NEVER_MS });
  const uuid = await site.create();
  const { uuid: domain } = site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  site.n2.emit({
    type: 'lifecycle',
    domain: { name: 'one-1', uuid: domain, id: -1 },
    event: 5,
    detail: STOPPED_FAILED,
  });
  await setImmediate();
  await site.hotdetach(uuid, '1');
  t.deepEqual(pluggedIn(site.n1, 'one-1'), []);
});

test('a VM started again from its saved live XML has the disk: it counts as a user, and the disk is not deleted', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  const live = site.n1.domain('one-1').disks.map(disk => ({ ...disk }));
  site.n1.destroy('one-1');
  await site.untilUsers(uuid, 0);
  site.n1.domain('one-1').coldDisks = live;
  site.n1.start('one-1');
  await site.untilUsers(uuid, 1);
  await t.throwsAsync(remove(site, uuid), { code: 'DISK_IN_USE' });
  site.n1.addDomain({ name: 'one-2' });
  await t.throwsAsync(site.hotattach(uuid, '2'), { code: 'LIMIT_REACHED' });
  t.deepEqual(await site.hotdetach(uuid, '1'), { target: 'vda', uuids: [] });
  t.deepEqual(pluggedIn(site.n1, 'one-1'), []);
});

test('a disk that somebody plugged in by its path is in use, and free again when it is gone', async t => {
  const site = await createSite(t);
  const [first, uuid] = [await site.create(), await site.create()];
  site.n1.addDomain({ name: 'one-1' });
  site.n1.addDomain({ name: 'one-2' });
  await site.hotattach(first, '1');
  const [device] = site.n1.domain('one-1').disks;
  if (!device) throw new Error('nothing plugged');
  const source = device.source.replace(first, uuid);
  const byHand = { ...device, alias: 'virtio-disk7', serial: '', target: 'vdh', source };
  site.n1.domain('one-1').disks.push(byHand);
  const { uuid: domain, id } = site.n1.domain('one-1');
  site.n1.emit({ type: 'device-added', domain: { name: 'one-1', uuid: domain, id }, alias: byHand.alias });
  const inUse = { code: 'DISK_IN_USE', message: /VM 'one-1' on node 'n1' has it/ };
  const reads = () => site.n1.calls.filter(({ procedure }) => procedure === 'domainGetState').length;
  const before = reads();
  // More than one whole pass over both VMs.
  await until(() => reads() > before + 4, 'the VM to be looked at');
  await t.throwsAsync(remove(site, uuid), inUse);
  await t.throwsAsync(site.hotattach(uuid, '2'), inUse);
  site.n1.domain('one-1').disks.pop();
  await remove(site, uuid);
});

test('a disk that was plugged in by its path a moment ago is not deleted before its VM was looked at', async t => {
  const site = await createSite(t, { reconcileIntervalMs: NEVER_MS });
  const [first, uuid] = [await site.create(), await site.create()];
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(first, '1');
  const { disks, uuid: domain, id } = site.n1.domain('one-1');
  const [device] = disks;
  if (!device) throw new Error('nothing plugged');
  const byHand = { ...device, alias: 'virtio-disk7', serial: '', target: 'vdh' };
  disks.push({ ...byHand, source: device.source.replace(first, uuid) });
  const looks = gate();
  site.n1.faults.inject('domainGetState', { kind: 'delay', until: looks.opened }, 100);
  const reads = () => site.n1.calls.filter(({ procedure }) => procedure === 'domainGetXmlDesc').length;
  const before = reads();
  site.n1.emit({ type: 'device-added', domain: { name: 'one-1', uuid: domain, id }, alias: byHand.alias });
  await until(() => reads() > before, 'the VM to be looked at');
  const removing = t.throwsAsync(remove(site, uuid), { code: 'DISK_IN_USE' });
  // Takes longer than a removal that waits for nothing.
  await site.create();
  looks.open();
  await removing;
  site.n1.faults.clear();
  await site.hotdetach(first, '1');
});

test('a disk whose VM writes to an overlay is not detached, and that is reported', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  const vm = site.n1.domain('one-1');
  const [device] = vm.disks;
  if (!device) throw new Error('nothing plugged');
  const overlay = `${device.source}.bk`;
  vm.disks = [{ ...device, source: overlay }];
  await t.throwsAsync(site.hotdetach(uuid, '1'), { code: 'DISK_DIVERTED', message: /blockcommit/ });
  t.deepEqual(pluggedIn(site.n1, 'one-1'), [uuid]);
  await until(() => detailsOf(site, uuid).attachments[0]?.diverted === overlay, 'a pass to see it');
  vm.disks = [device];
  await until(() => detailsOf(site, uuid).attachments[0]?.diverted === null, 'a pass to see the end of it');
  await site.hotdetach(uuid, '1');
});

test('nine detaches at once ask each node only a few times', async t => {
  const site = await createSite(t, { reconcileIntervalMs: NEVER_MS });
  await site.plugged(9);
  await site.n1.stop();
  for (let vm = 1; vm <= 9; vm += 1) site.n1.destroy(`one-${vm}`);
  const listingsOf = (fake: FakeLibvirtd) =>
    fake.calls.filter(({ procedure }) => procedure === 'connectGetCapabilities').length;
  const before = [listingsOf(site.n1), listingsOf(site.n2)] as const;
  await site.n1.listen();
  await Promise.all(Array.from({ length: 9 }, (_, index) => site.detach(String(index + 1))));
  t.true(listingsOf(site.n1) - before[0] < 9, 'its own');
  t.true(listingsOf(site.n2) - before[1] < 9, 'another');
});
