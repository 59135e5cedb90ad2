// A hot-plugged disk belongs to a VM for one run. Where it is also in the VM's definition, the next start
// must not take it, and no other VM gets the disk before that is certain.
import test, { type ExecutionContext } from 'ava';
import type { FakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { until } from '../../testkit/until.ts';
import { admin, cause, createSite, NEAR_MS, pluggedIn } from './support/site.ts';

type Site = Awaited<ReturnType<typeof createSite>>;

const NEVER_MS = 3_600_000;
const BUSY = { kind: 'refuse', code: 68, message: 'cannot acquire state change lock' } as const;
/** More failures than there are attempts in one test. */
const ALWAYS = 100_000;

/** The disks in the definition of a fake VM. */
const definedIn = (fake: FakeLibvirtd, name: string): string[] =>
  fake.domain(name).coldDisks.map(disk => disk.alias.replace(/^ua-/, ''));

const driftOf = async (site: Site, disk: string) =>
  (await site.disks.drift.list(admin)).filter(one => one.kind === 'definition-keeps' && one.disk === disk);

/** Adds a VM on n1 with a disk plugged in. */
async function plugged(t: ExecutionContext, more: Parameters<typeof createSite>[1] = {}, persistent = true) {
  const site = await createSite(t, more, { locks: false });
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1', persistent });
  await site.hotattach(uuid, '1');
  return { site, uuid };
}

/** Asserts that the disk is free, its VM starts without it, and another VM gets it. */
async function expectFree(t: ExecutionContext, site: Site, uuid: string, fake: FakeLibvirtd): Promise<void> {
  await site.untilUsers(uuid, 0);
  t.deepEqual(definedIn(fake, 'one-1'), []);
  site.n1.addDomain({ name: 'one-2' });
  await site.hotattach(uuid, '2');
  fake.start('one-1');
  t.deepEqual(pluggedIn(fake, 'one-1'), []);
  t.deepEqual(pluggedIn(site.n1, 'one-2'), [uuid]);
}

test('a VM that migrated into a definition, and is killed where it landed, starts again without the disk', async t => {
  const { site, uuid } = await plugged(t, { reconcileIntervalMs: NEVER_MS }, false);
  const migration = site.n1.migrate('one-1', site.n2, { persistent: true });
  migration.to('over');
  t.deepEqual(definedIn(site.n2, 'one-1'), [uuid]);
  site.n2.kill('one-1');
  await expectFree(t, site, uuid, site.n2);
});

test('a VM that is defined from what it runs with has the disk in its run only', async t => {
  const { site, uuid } = await plugged(t, { reconcileIntervalMs: NEVER_MS });
  site.n1.redefine('one-1');
  await until(() => definedIn(site.n1, 'one-1').length === 0, 'the definition to be put right');
  t.deepEqual(pluggedIn(site.n1, 'one-1'), [uuid]);
  t.is(site.users(uuid), 1);
  await site.untilLogged('a hot-plugged disk was in the definition of its VM');
});

test('a VM that is defined so and dies at once starts again without the disk', async t => {
  const { site, uuid } = await plugged(t, { reconcileIntervalMs: NEVER_MS });
  site.n1.redefine('one-1');
  site.n1.destroy('one-1');
  await expectFree(t, site, uuid, site.n1);
});

test('a pass over a node finds a definition that no event told of', async t => {
  const { site, uuid } = await plugged(t);
  const vm = site.n1.domain('one-1');
  vm.coldDisks = vm.disks.map(disk => ({ ...disk }));
  await until(() => definedIn(site.n1, 'one-1').length === 0, 'the definition to be put right');
  t.is(site.users(uuid), 1);
});

test('while the definition of a dead VM cannot be changed, no other VM gets the disk, and that is reported', async t => {
  const { site, uuid } = await plugged(t);
  site.n1.faults.inject('domainDetachDeviceAlias', BUSY, ALWAYS);
  site.n1.redefine('one-1');
  site.n1.kill('one-1');
  t.is(await site.untilDoubt(uuid), 'its definition holds the disk, and its next start takes it');
  site.n1.addDomain({ name: 'one-2' });
  await t.throwsAsync(site.hotattach(uuid, '2'), { code: 'LIMIT_REACHED' });
  await t.throwsAsync(site.detach('1'), {
    code: 'VM_FATE_UNKNOWN',
    message: /its definition holds the disk/,
  });
  t.like(await driftOf(site, uuid), { length: 1, 0: { node: 'n1', vm: 'one-1', repair: null } });
  // Its next start takes the disk, and the attachment still accounts for that.
  site.n1.start('one-1');
  await until(
    () => site.disks.service.getDetails(admin, uuid).attachments[0]?.doubt === null,
    'it to be found',
  );
  site.n1.kill('one-1');
  site.n1.faults.clear();
  await site.untilUsers(uuid, 0);
  await until(async () => (await driftOf(site, uuid)).length === 0, 'the difference to be gone');
  t.deepEqual(definedIn(site.n1, 'one-1'), []);
});

test('a disk whose VM ended while the service was down is freed once the definition is corrected, and not before', async t => {
  const { site, uuid } = await plugged(t);
  await site.restart(() => {
    site.n1.redefine('one-1');
    site.n1.kill('one-1');
    site.n1.faults.inject('domainDetachDeviceAlias', BUSY, 1);
  });
  await expectFree(t, site, uuid, site.n1);
});

test('a definition that was corrected before the service was killed is correct for the next one', async t => {
  const { site, uuid } = await plugged(t);
  await site.restart(() => {
    site.n1.redefine('one-1');
    site.n1.kill('one-1');
    site.n1.domain('one-1').coldDisks = [];
  });
  await expectFree(t, site, uuid, site.n1);
});

test('a disk that is detached from a running VM does not come back with its next start', async t => {
  const { site, uuid } = await plugged(t, { reconcileIntervalMs: NEVER_MS });
  const vm = site.n1.domain('one-1');
  vm.coldDisks = vm.disks.map(disk => ({ ...disk }));
  await site.hotdetach(uuid, '1');
  site.n1.destroy('one-1');
  await expectFree(t, site, uuid, site.n1);
});

test("a disk that has left its VM is not free while the VM's definition cannot be changed", async t => {
  const { site, uuid } = await plugged(t);
  const vm = site.n1.domain('one-1');
  site.n1.setManners('one-1', 'unwilling');
  const answer = t.throwsAsync(site.hotdetach(uuid, '1'), {
    code: 'DEFINITION_KEEPS_DISK',
    message: /--config/,
  });
  const isAsked = () => site.n1.calls.some(({ procedure }) => procedure === 'domainDetachDeviceAlias');
  await until(isAsked, 'the guest to be asked');
  site.n1.faults.inject('domainDetachDeviceAlias', BUSY, ALWAYS);
  vm.coldDisks = vm.disks.map(disk => ({ ...disk }));
  site.n1.release('one-1', `ua-${uuid}`);
  await answer;
  t.deepEqual(pluggedIn(site.n1, 'one-1'), []);
  site.n1.addDomain({ name: 'one-2' });
  await t.throwsAsync(site.hotattach(uuid, '2'), { code: 'LIMIT_REACHED' });
  site.n1.faults.clear();
  await site.untilUsers(uuid, 0);
  t.deepEqual(definedIn(site.n1, 'one-1'), []);
});

test('a VM that is defined from its old live XML after its death does not have the disk', async t => {
  const { site, uuid } = await plugged(t, { reconcileIntervalMs: NEVER_MS });
  const live = site.n1.vms.xml(site.n1.domain('one-1'), false);
  site.n1.destroy('one-1');
  await site.untilUsers(uuid, 0);
  site.n1.vms.define(live);
  await until(() => definedIn(site.n1, 'one-1').length === 0, 'the definition to be put right');
  site.n1.start('one-1');
  t.deepEqual(pluggedIn(site.n1, 'one-1'), []);
});

test('the definition of a registered VM is the frontend’s: it keeps the disk, and a disk that stays in it is reported', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  await site.disks.service.attach(admin, uuid, { node: 'n1', vmId: '1' }, cause);
  const xml = await site.disks.service.element(admin, uuid, { node: 'n1', vmId: '1' }, undefined, cause);
  site.n1.addDomain({ name: 'one-1', disks: [xml] });
  const isTied = () => site.disks.service.getDetails(admin, uuid).attachments[0]?.onVm?.domain || undefined;
  await until(isTied, 'the VM to be seen');
  site.n1.redefine('one-1');
  site.n1.destroy('one-1');
  t.deepEqual(await driftOf(site, uuid), []);
  t.deepEqual(await site.detach('1'), { uuids: [uuid] });
  await until(async () => (await driftOf(site, uuid)).length === 1, 'the difference');
  t.deepEqual(definedIn(site.n1, 'one-1'), [uuid]);
  const [row] = await driftOf(site, uuid);
  t.regex(row?.repair ?? '', /POST \/api\/attach\/.* or virsh detach-device-alias one-1 ua-.* --config/);
  await site.disks.service.attach(admin, uuid, { node: 'n1', vmId: '1' }, cause);
  t.deepEqual(await driftOf(site, uuid), []);
  t.deepEqual(definedIn(site.n1, 'one-1'), [uuid]);
});

/** The number of complete lists that a node has given to passes and searches. */
const listings = (fake: FakeLibvirtd): number =>
  fake.calls.filter(({ procedure }) => procedure === 'connectListAllDomains').length;

test('a VM that was started without its disk keeps it as long as a migration’s definition elsewhere has it', async t => {
  const { site, uuid } = await plugged(t, {}, false);
  const { uuid: domain } = site.n1.domain('one-1');
  site.n2.faults.inject('domainDetachDeviceAlias', BUSY, ALWAYS);
  site.n1.migrate('one-1', site.n2, { persistent: true }).to('over');
  site.n2.destroy('one-1');
  site.n1.addDomain({ name: 'one-1', uuid: domain, persistent: false });
  const isFoundAgain = () => {
    const [attachment] = site.disks.service.getDetails(admin, uuid).attachments;
    return attachment?.doubt === null && attachment.onVm?.node === 'n1';
  };
  await until(isFoundAgain, 'the VM to be found where it was started');
  const before = listings(site.n1);
  await until(() => listings(site.n1) > before + 20, 'some passes over the node');
  t.is(site.users(uuid), 1);
  t.deepEqual(definedIn(site.n2, 'one-1'), [uuid]);
  site.n2.faults.clear();
  await site.untilUsers(uuid, 0);
  t.deepEqual(definedIn(site.n2, 'one-1'), []);
});

/** A definition of VM one-1 on n2, which does not run there: with the disk that it has on n1. */
function defineOn2({ n1, n2 }: Site): void {
  const { uuid, disks } = n1.domain('one-1');
  n2.addDomain({ name: 'one-1', uuid, running: false });
  n2.domain('one-1').coldDisks = disks.map(disk => ({ ...disk }));
}

for (const when of ['during the unplug', 'later'] as const) {
  test(`a disk that its VM lets go of ${when} is not free while a definition on another node keeps it`, async t => {
    const detachTimeoutMs = when === 'later' ? NEAR_MS : 60_000;
    const { site, uuid } = await plugged(t, { reconcileIntervalMs: NEVER_MS, detachTimeoutMs });
    const isAsked = () => site.n1.calls.some(({ procedure }) => procedure === 'domainDetachDeviceAlias');
    site.n2.faults.inject('domainDetachDeviceAlias', BUSY, ALWAYS);
    site.n1.setManners('one-1', 'unwilling');
    const answer = site.hotdetach(uuid, '1').catch(error => error);
    await until(isAsked, 'the guest to be asked');
    if (when === 'later') t.is((await answer).code, 'GUEST_KEPT_DISK');
    defineOn2(site);
    site.n1.release('one-1', `ua-${uuid}`);
    await site.untilLogged('a hot-plugged disk stays in the definition of its VM');
    const keeps = when === 'later' ? site.hotdetach(uuid, '1').catch(error => error) : answer;
    t.is((await keeps).code, 'DEFINITION_KEEPS_DISK');
    t.deepEqual(pluggedIn(site.n1, 'one-1'), []);
    t.is(site.users(uuid), 1);
    site.n2.faults.clear();
    await site.hotdetach(uuid, '1');
    t.is(site.users(uuid), 0);
    t.deepEqual(definedIn(site.n2, 'one-1'), []);
  });
}

test('a node that does not answer delays no unplug, and a disk in a definition there is reported once it answers', async t => {
  const { site, uuid } = await plugged(t);
  await site.n2.cut();
  const isLost = () => site.disks.nodes.list(admin).some(one => one.node === 'n2' && !one.reachable);
  await until(isLost, 'the node to be lost');
  defineOn2(site);
  await site.hotdetach(uuid, '1');
  t.is(site.users(uuid), 0);
  await site.n2.listen();
  await until(async () => (await driftOf(site, uuid)).length === 1, 'the difference');
});
