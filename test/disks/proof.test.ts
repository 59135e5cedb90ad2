import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { STOPPED_FAILED, STOPPED_SAVED } from '../../src/libvirt/constants.ts';
import type { FakeVm } from '../../testkit/fakes/libvirtd/vm.ts';
import { type FakeLibvirtd, startFakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { until } from '../../testkit/until.ts';
import { admin, cause, createSite, NEAR_MS, pluggedIn } from './support/site.ts';

const NEVER_MS = 3_600_000;
/** The pause between passes where a pass takes long: it leaves time for the other tests. */
const SELDOM_MS = 1000;

const callsOf = (fake: FakeLibvirtd, procedure: string): number =>
  fake.calls.filter(call => call.procedure === procedure).length;

const listingsOf = (fake: FakeLibvirtd): number => callsOf(fake, 'connectGetCapabilities');

/**
 * Waits until a node was asked for its list this many more times: three are more than one whole pass with its
 * proof.
 */
async function listings(fake: FakeLibvirtd, more = 6): Promise<void> {
  const before = listingsOf(fake);
  await until(() => listingsOf(fake) >= before + more, `${more} listings`);
}

/** Moves the VM to the other node, with its disks. */
function migrate(from: FakeLibvirtd, to: FakeLibvirtd, name: string): void {
  const { uuid, disks } = from.domain(name);
  const taken = [...disks];
  from.migrateAway(name);
  to.addDomain({ name, uuid });
  to.domain(name).disks = taken;
}

/** Starts a VM again that was away, with the disks that it had. */
function comeBack(fake: FakeLibvirtd, name: string, uuid: string, disks: FakeVm['disks']): void {
  fake.addDomain({ name, uuid, running: false });
  fake.start(name);
  fake.domain(name).disks = disks;
}

async function otherHost(t: ExecutionContext, path: string, hostUuid?: string): Promise<FakeLibvirtd> {
  const fake = await startFakeLibvirtd({ unix: path, ...(hostUuid ? { hostUuid } : {}) });
  t.teardown(() => fake.stop());
  return fake;
}

test('one libvirt under two names: a device that both connections report is not unplugged', async t => {
  const site = await createSite(t, { reconcileIntervalMs: NEVER_MS }, { tcp: true });
  site.n1.addDomain({ name: 'one-1' });
  site.n1.addDomain({ name: 'one-2' });
  const [first, second] = [await site.create(), await site.create()];
  await site.hotattach(first, '2', 'n1-by-tcp');
  await site.hotattach(second, '1', 'n1');
  await site.hotdetach(first, '2', 'n1-by-tcp');
  t.false(site.lines.some(line => line.includes('a disk appeared that is not attached')));
  t.deepEqual(pluggedIn(site.n1, 'one-1'), [second]);
});

test('a VM saved to a file keeps its disk, whatever its node shows', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1', persistent: false });
  await site.hotattach(uuid, '1');
  site.n1.destroy('one-1', STOPPED_SAVED);
  await listings(site.n1);
  await t.throwsAsync(site.hotdetach(uuid, '1'), { code: 'UNPLUG_UNKNOWN' });
  t.is(site.users(uuid), 1);
});

test('a saved VM whose restore fails keeps its disk', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  const domain = site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  site.n1.save('one-1');
  await listings(site.n1);
  site.n1.emit({ type: 'lifecycle', domain: { ...domain, id: -1 }, event: 5, detail: STOPPED_FAILED });
  await listings(site.n1);
  t.is(site.users(uuid), 1);
});

test('a plug that may still be carried out is released neither by a pass nor by a detach', async t => {
  const site = await createSite(t, { attachTimeoutMs: NEAR_MS });
  site.n1.addDomain({ name: 'one-1' });
  const uuid = await site.create();
  let answer = (): void => {};
  const answered = new Promise<void>(resolve => {
    answer = resolve;
  });
  site.n1.faults.inject('domainAttachDeviceFlags', { kind: 'delay', until: answered }, 20);
  site.n1.faults.inject('domainDetachDeviceAlias', { kind: 'delay', until: answered }, 20);
  await t.throwsAsync(site.hotattach(uuid, '1'), { code: 'PLUG_UNKNOWN' });
  await listings(site.n1);
  await t.throwsAsync(site.detach('1'), { code: 'ATTACH_IN_PROGRESS' });
  t.is(site.users(uuid), 1);
  answer();
});

test('a VM that migrated while pdisk was down is found on a node that no request has named yet', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1', persistent: false });
  await site.hotattach(uuid, '1');
  await site.restart(() => migrate(site.n1, site.n2, 'one-1'));
  await until(() => site.hotdetach(uuid, '1', 'n2').catch(() => undefined), 'the attachment to follow');
  t.deepEqual(pluggedIn(site.n2, 'one-1'), []);
});

test('a VM that its node does not show does not count as dead while another node is silent', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  await site.restart(async () => {
    site.n1.kill('one-1');
    await site.n2.stop();
  });
  t.regex(await site.untilDoubt(uuid), /node 'n2' cannot be reached/);
  await t.throwsAsync(site.detach('1'), { code: 'VM_FATE_UNKNOWN', message: /node 'n2' cannot be reached/ });
  t.is(site.users(uuid), 1);
  await site.n2.listen();
  await site.untilUsers(uuid, 0);
});

test('a VM that migrates while a plug is without an answer keeps its disk', async t => {
  const site = await createSite(t, { attachTimeoutMs: NEAR_MS });
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1', persistent: false });
  site.n1.faults.inject('domainAttachDeviceFlags', { kind: 'no-answer' });
  const answer = t.throwsAsync(site.hotattach(uuid, '1'), { code: 'PLUG_UNKNOWN' });
  await until(() => site.n1.domain('one-1').disks.length === 1, 'the plug to be executed');
  site.n1.migrateAway('one-1');
  await answer;
  await listings(site.n1, 12);
  t.is(site.users(uuid), 1);
});

for (const known of [false, true]) {
  test(`a node's name that leads to another host, ${known ? 'known' : 'not known'} by another name, releases nothing`, async t => {
    const site = await createSite(t);
    const uuid = await site.create();
    site.n1.addDomain({ name: 'one-1' });
    await site.hotattach(uuid, '1');
    await Promise.all([listings(site.n1, 3), listings(site.n2, 3)]);
    const other = known ? site.n2 : await otherHost(t, join(site.directory, 'n3'));
    await site.restart(() => site.nodes.set('n1', other.uri).delete('n2'));
    await site.untilLogged('answers where host');
    await listings(other);
    t.is(site.users(uuid), 1);
  });
}

test('a VM that migrates away and comes back can be unplugged', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  const { uuid: domain, disks } = site.n1.domain('one-1');
  site.n1.migrateAway('one-1');
  await site.untilDoubt(uuid);
  comeBack(site.n1, 'one-1', domain, disks);
  await site.hotdetach(uuid, '1');
  t.is(site.users(uuid), 0);
});

test('a VM that came back and ends releases its disk', async t => {
  const site = await createSite(t, { reconcileIntervalMs: NEVER_MS });
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  const { uuid: domain, disks } = site.n1.domain('one-1');
  site.n1.migrateAway('one-1');
  await site.untilDoubt(uuid);
  const before = callsOf(site.n1, 'domainGetXmlDesc');
  comeBack(site.n1, 'one-1', domain, disks);
  await until(() => callsOf(site.n1, 'domainGetXmlDesc') > before, 'its start to be noticed');
  site.n1.destroy('one-1');
  await site.untilUsers(uuid, 0);
  t.deepEqual(await site.detach('1'), { uuids: [uuid] });
});

test('devices that are missing from more than half of the VMs at once raise the alarm too', async t => {
  const site = await createSite(t, { reconcileIntervalMs: SELDOM_MS });
  const uuids = await site.plugged(12);
  await site.n1.stop();
  for (let vm = 1; vm <= 12; vm += 1) site.n1.domain(`one-${vm}`).disks = [];
  await site.n1.listen();
  await site.untilLogged('12 of 12 attachments seem to have lost');
  t.deepEqual(new Set(uuids.map(site.users)), new Set([1]));
});

test('agreeing to an alarm that is over does not suppress the next one', async t => {
  const site = await createSite(t, { reconcileIntervalMs: SELDOM_MS });
  const uuids = await site.plugged(12);
  const vms = uuids.map((_, index) => site.n1.domain(`one-${index + 1}`));
  const devices = vms.map(({ disks }) => disks);
  const withoutDevices = async (): Promise<void> => {
    site.lines.length = 0;
    await site.n1.stop();
    for (const vm of vms) vm.disks = [];
    await site.n1.listen();
    await site.untilLogged('12 of 12 attachments');
    await site.n1.stop();
    for (const [index, vm] of vms.entries()) vm.disks = devices[index] ?? [];
    await site.n1.listen();
    await listings(site.n1, 2);
  };
  await withoutDevices();
  await site.disks.nodes.agree(admin, 'n1');
  await listings(site.n1, 2);
  await withoutDevices();
  t.deepEqual(new Set(uuids.map(site.users)), new Set([1]));
});

test('a libvirtd of the right host that shows no VMs at all releases nothing', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  await site.n1.stop();
  const empty = await otherHost(t, join(site.directory, 'n1'), site.n1.hostUuid);
  await site.untilDoubt(uuid);
  await listings(empty);
  t.is(site.users(uuid), 1);
});

test('a detach that begins before the alarm does not trust the other host', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  await listings(site.n1, 3);
  await site.n1.stop();
  await otherHost(t, join(site.directory, 'n1'));
  await t.throwsAsync(site.detach('1'), { code: 'VM_FATE_UNKNOWN' });
  t.is(site.users(uuid), 1);
});

test('an unplug is not trusted where another host answers, however late that is noticed', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  await listings(site.n1, 3);
  await site.n1.stop();
  const other = await otherHost(t, join(site.directory, 'n1'));
  let notice = (): void => {};
  const noticed = new Promise<void>(resolve => {
    notice = resolve;
  });
  other.faults.inject('connectGetCapabilities', { kind: 'delay', until: noticed });
  const detached = t.throwsAsync(site.hotdetach(uuid, '1'), { code: 'NODE_DOUBTED' });
  await until(() => listingsOf(other) >= 1, 'the question which host answers');
  notice();
  await detached;
  t.is(callsOf(other, 'domainDetachDeviceAlias'), 0);
  t.is(site.users(uuid), 1);
});

test('a VM that has a disk of ours without an attachment counts as its user, and can be detached', async t => {
  const site = await createSite(t);
  site.n1.addDomain({ name: 'one-1' });
  site.n1.addDomain({ name: 'one-2' });
  const [uuid, other] = [await site.create(), await site.create()];
  await site.hotattach(uuid, '1');
  const [device] = site.n1.domain('one-1').disks;
  if (!device) throw new Error('nothing plugged');
  const source = device.source.replace(uuid, other);
  site.n1.domain('one-2').disks.push({ ...device, alias: `ua-${other}`, serial: '', source });
  await site.untilUsers(other, 1);
  await t.throwsAsync(site.hotattach(other, '1'), { code: 'LIMIT_REACHED' });
  await t.throwsAsync(site.hotattach(other, '2'), { code: 'ALREADY_ATTACHED' });
  await t.throwsAsync(site.disks.service.delete(admin, other, cause), { code: 'DISK_IN_USE' });
  await site.hotdetach(other, '2');
  t.deepEqual(pluggedIn(site.n1, 'one-2'), []);
});

test('a late plug is unplugged although the disk is registered with another VM', async t => {
  const site = await createSite(t, { reconcileIntervalMs: NEVER_MS });
  site.n1.addDomain({ name: 'one-1' });
  const [uuid, other] = [await site.create(), await site.create()];
  await site.hotattach(other, '1');
  await site.disks.service.attach(admin, uuid, { node: 'n1', vmId: '99' }, cause);
  const vm = site.n1.domain('one-1');
  const [device] = vm.disks;
  if (!device) throw new Error('nothing plugged');
  const alias = `ua-${uuid}`;
  vm.disks.push({ ...device, alias, target: 'vdq', source: device.source.replace(other, uuid) });
  const domain = { name: 'one-1', uuid: vm.uuid, id: vm.id };
  site.n1.emit({ type: 'device-added', domain, alias });
  await until(() => !pluggedIn(site.n1, 'one-1').includes(uuid), 'the stray to go');
  t.deepEqual(pluggedIn(site.n1, 'one-1'), [other]);
});

test('the other nodes are asked once for all VMs that are missing', async t => {
  const site = await createSite(t, { reconcileIntervalMs: NEVER_MS });
  const uuids = await site.plugged(8);
  await site.n1.stop();
  for (let vm = 1; vm <= 8; vm += 1) site.n1.destroy(`one-${vm}`);
  const before = listingsOf(site.n2);
  await site.n1.listen();
  for (const uuid of uuids) await site.untilUsers(uuid, 0);
  t.true(listingsOf(site.n2) - before < uuids.length);
});

test('no disk is created for an account that is gone by the time of the decision', async t => {
  let there = true;
  const site = await createSite(t, {}, { stands: () => there });
  await site.create();
  there = false;
  await t.throwsAsync(site.create(), { code: 'UNAUTHENTICATED' });
});
