import test, { type ExecutionContext } from 'ava';
import type { Vm } from '../../machines/vm.ts';
import { diskElement } from '../../src/hypervisor/disk-xml.ts';
import type { DiskSpec, Hypervisor, UnplugOutcome } from '../../src/hypervisor/hypervisor.ts';
import type { Times } from '../../src/hypervisor/operations.ts';
import { STOPPED_MIGRATED } from '../../src/libvirt/constants.ts';
import type { MachineSettings } from '../fakes/libvirtd/machine.ts';
import type { FakeLibvirtd } from '../fakes/libvirtd.ts';
import { until } from '../rig/until.ts';
import { diskSpec, fakeNode, inMs, never, quick } from './helpers/fake-node.ts';

interface Setting {
  fake: FakeLibvirtd;
  hypervisor: Hypervisor;
  vm: Vm;
  spec: DiskSpec;
  unplug(ms?: number, signal?: AbortSignal): Promise<UnplugOutcome>;
}

/** A machine with one disk plugged. */
async function machine(
  t: ExecutionContext,
  settings: Partial<MachineSettings> = {},
  times: Partial<Times> = {},
): Promise<Setting> {
  const { fake, hypervisor } = await fakeNode(t, times);
  fake.addDomain({ name: 'a', ...settings });
  const { vm } = await hypervisor.resolve('n', 'a', inMs(3000));
  const spec = diskSpec();
  t.deepEqual(await hypervisor.plug(vm, spec, inMs(2000), never()), { kind: 'plugged' });
  return {
    fake,
    hypervisor,
    vm,
    spec,
    unplug: (ms = 2000, signal = never()) => hypervisor.unplug(vm, spec.disk, inMs(ms), signal),
  };
}

const UNPLUGGED = { kind: 'unplugged' } as const;

const detaches = (fake: FakeLibvirtd): number =>
  fake.calls.filter(({ procedure }) => procedure === 'domainDetachDeviceAlias').length;

test('a willing guest lets go, and unplugging again is the same', async t => {
  const { fake, unplug } = await machine(t);
  t.deepEqual(await unplug(), UNPLUGGED);
  t.deepEqual(fake.domain('a').disks, []);
  t.is(detaches(fake), 1);
  t.deepEqual(await unplug(), UNPLUGGED);
});

test('a guest that keeps the disk is asked again, not too early, until the deadline', async t => {
  const { fake, spec, unplug } = await machine(t, { manners: 'unwilling' });
  const start = Date.now();
  const outcome = await unplug(1000);
  t.is(outcome.kind, 'kept');
  t.true(Date.now() - start < 1500);
  t.deepEqual(
    fake.domain('a').disks.map(({ alias }) => alias),
    [`ua-${spec.disk}`],
  );
  // At 0, 300 and 600 ms, and not in the last 150.
  t.true(detaches(fake) >= 2 && detaches(fake) <= 3, `${detaches(fake)}`);
});

test('a guest that has finished booting lets go when it is asked again', async t => {
  const { fake, unplug } = await machine(t, { manners: 'booting' });
  const unplugging = unplug(5000);
  await until(() => detaches(fake) === 1, 'the first request');
  fake.setManners('a', 'willing');
  t.deepEqual(await unplugging, UNPLUGGED);
  t.is(detaches(fake), 2);
});

test('why a disk was kept is said: paused, refused', async t => {
  const paused = await machine(t);
  paused.fake.suspend('a');
  const outcome = await paused.unplug(600);
  t.regex(outcome.kind === 'kept' ? outcome.detail : '', /paused/);

  const refusing = await machine(t, { manners: 'refusing' });
  const other = await refusing.unplug(600);
  t.regex(other.kind === 'kept' ? other.detail : '', /refused/);
});

test('a paused guest that resumes in time lets go', async t => {
  const { fake, unplug } = await machine(t);
  fake.suspend('a');
  const unplugging = unplug(5000);
  await until(() => detaches(fake) === 1, 'the request');
  fake.resume('a');
  t.deepEqual(await unplugging, UNPLUGGED);
});

test('a lost event is made up for by looking', async t => {
  const { fake, spec, unplug } = await machine(t, { manners: 'unwilling' }, { askAgainMs: 60_000 });
  const unplugging = unplug(5000);
  await until(() => detaches(fake) === 1, 'the request');
  const domain = fake.domain('a');
  domain.disks = domain.disks.filter(({ alias }) => alias !== `ua-${spec.disk}`);
  t.deepEqual(await unplugging, UNPLUGGED);
});

test('an event alone is not believed while the domain shows the disk', async t => {
  const { fake, vm, spec, unplug } = await machine(t, { manners: 'unwilling' });
  const unplugging = unplug(800);
  await until(() => detaches(fake) === 1, 'the request');
  const domain = { name: 'a', uuid: vm.domain ?? '', id: 1 };
  fake.emit({ type: 'device-removed', domain, alias: `ua-${spec.disk}` });
  t.is((await unplugging).kind, 'kept');
});

for (const kind of ['drop-before', 'drop-after', 'no-answer'] as const) {
  test(`a disk is unplugged although the answer is lost (${kind})`, async t => {
    const { fake, unplug } = await machine(t);
    fake.faults.inject('domainDetachDeviceAlias', { kind });
    t.deepEqual(await unplug(2000), UNPLUGGED);
    t.deepEqual(fake.domain('a').disks, []);
  });
}

test('a disk that the domain does not show is asked for all the same: its plug may still be at work', async t => {
  const { fake, hypervisor, vm } = await machine(t);
  t.deepEqual(await hypervisor.unplug(vm, diskSpec().disk, inMs(2000), never()), UNPLUGGED);
  t.is(detaches(fake), 1);
});

test('that the domain does not show a disk proves nothing while libvirt has not answered', async t => {
  const { fake, hypervisor, vm } = await machine(t);
  fake.faults.inject('domainDetachDeviceAlias', { kind: 'no-answer' });
  const outcome = await hypervisor.unplug(vm, diskSpec().disk, inMs(600), never());
  t.like(outcome, { kind: 'failed', code: 'UNPLUG_UNKNOWN' });
});

test('a disk of ours that somebody plugged under another alias is unplugged by that', async t => {
  const { fake, hypervisor, vm } = await machine(t);
  const spec = diskSpec({ target: 'vdx' });
  fake.addDomain({
    name: 'b',
    disks: [diskElement(spec).replace(/<alias[^>]*>/, "<alias name='ua-mine'/>")],
  });
  const b = { ...vm, domain: fake.domain('b').uuid };
  t.deepEqual(await hypervisor.unplug(b, spec.disk, inMs(3000), never()), UNPLUGGED);
  t.deepEqual(fake.domain('b').disks, []);
});

test('what libvirt refuses for good is UNPLUG_REFUSED with its words', async t => {
  const { fake, unplug } = await machine(t);
  const message = "Requested operation is not valid: disk 'vdb' has an active block job";
  fake.faults.inject('domainDetachDeviceAlias', { kind: 'refuse', code: 55, message });
  t.deepEqual(await unplug(), { kind: 'failed', code: 'UNPLUG_REFUSED', detail: message });
});

test('a request that QEMU still has is no refusal', async t => {
  const { fake, unplug } = await machine(t);
  const message =
    "internal error: unable to execute QEMU command 'device_del': Device ua-x is already in the process of unplug";
  fake.faults.inject('domainDetachDeviceAlias', { kind: 'refuse', code: 1, message });
  t.deepEqual(await unplug(), UNPLUGGED);
});

test('a silent node is NODE_UNREACHABLE, soon; lost in the middle, the outcome is not known', async t => {
  const { fake, hypervisor, unplug } = await machine(t, { manners: 'unwilling' });
  const unplugging = unplug(1500);
  await until(() => detaches(fake) === 1, 'the request');
  await fake.stop();
  t.like(await unplugging, { kind: 'failed', code: 'UNPLUG_UNKNOWN' });
  await until(() => hypervisor.status()[0]?.state !== 'up', 'the loss to be noticed');
  const start = Date.now();
  t.like(await unplug(60_000), { kind: 'failed', code: 'NODE_UNREACHABLE' });
  t.true(Date.now() - start < 3000);
  await fake.listen();
});

test('libvirtd restarted in the middle, and the disk is unplugged', async t => {
  const { fake, unplug } = await machine(t, { manners: 'booting' });
  const unplugging = unplug(8000);
  await until(() => detaches(fake) === 1, 'the request');
  await fake.stop();
  fake.setManners('a', 'willing');
  const message = 'Domain not found: no domain with matching uuid';
  fake.faults.inject('domainDetachDeviceAlias', { kind: 'refuse', code: 42, message });
  fake.faults.inject('domainGetXmlDesc', { kind: 'refuse', code: 42, message });
  await fake.listen();
  t.deepEqual(await unplugging, UNPLUGGED);
});

test('a machine that dies in the middle has let go at once', async t => {
  const { fake, unplug } = await machine(t, { manners: 'unwilling' }, { surveysApartMs: 60_000 });
  const unplugging = unplug(60_000);
  await until(() => detaches(fake) === 1, 'the request');
  fake.destroy('a');
  t.deepEqual(await unplugging, UNPLUGGED);
});

test('a machine that was dead before has let go, after proof', async t => {
  const { fake, unplug } = await machine(t, { persistent: false });
  fake.destroy('a');
  t.deepEqual(await unplug(), UNPLUGGED);
});

test('a dead machine is not proven dead before the deadline if that is too near', async t => {
  const { fake, hypervisor, unplug } = await machine(t, {}, { surveysApartMs: 5000 });
  let stopped = false;
  hypervisor.watch({
    up() {},
    stopped: () => {
      stopped = true;
    },
    deviceRemoved() {},
    deviceAdded() {},
  });
  fake.destroy('a');
  await until(() => stopped, 'the news');
  t.like(await unplug(1000), { kind: 'failed', code: 'UNPLUG_UNKNOWN' });
});

test('a saved machine keeps its disks, and lets go after it has come back', async t => {
  const { fake, unplug } = await machine(t);
  fake.save('a');
  const outcome = await unplug();
  t.like(outcome, { kind: 'failed', code: 'UNPLUG_UNKNOWN' });
  t.regex(outcome.kind === 'failed' ? outcome.detail : '', /saved/);
  fake.start('a');
  t.deepEqual(await unplug(), UNPLUGGED);
});

test('a machine that migrates away in the middle is not taken for dead', async t => {
  const { fake, unplug } = await machine(t, { manners: 'unwilling' });
  const unplugging = unplug(3000);
  await until(() => detaches(fake) === 1, 'the request');
  fake.destroy('a', STOPPED_MIGRATED);
  t.like(await unplugging, { kind: 'failed', code: 'UNPLUG_UNKNOWN' });
});

test('two disks of one machine are unplugged at the same time', async t => {
  const { fake, hypervisor, vm, unplug } = await machine(t, { manners: 'unwilling' });
  const other = diskSpec({ target: 'vdc' });
  const first = unplug(1000);
  await until(() => detaches(fake) === 1, 'the request');
  // While the guest thinks about the first one.
  t.deepEqual(await hypervisor.plug(vm, other, inMs(500), never()), { kind: 'plugged' });
  t.is((await first).kind, 'kept');
});

test('an aborted unplug ends at once', async t => {
  const { fake, unplug } = await machine(t, { manners: 'unwilling' });
  const abort = new AbortController();
  const unplugging = unplug(60_000, abort.signal);
  await until(() => detaches(fake) === 1, 'the request');
  const start = Date.now();
  abort.abort(new Error('stopping'));
  t.like(await unplugging, { kind: 'failed', code: 'UNPLUG_UNKNOWN' });
  t.true(Date.now() - start < quick.askAgainMs + 500);
});

test('a node that is not configured any more is not silently given up', async t => {
  const { hypervisor, vm, spec } = await machine(t);
  const outcome = await hypervisor.unplug({ ...vm, node: 'host:gone' }, spec.disk, inMs(1000), never());
  t.like(outcome, { kind: 'failed', code: 'NODE_UNREACHABLE' });
});
