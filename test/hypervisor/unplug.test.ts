import test, { type ExecutionContext } from 'ava';
import type { Vm } from '../../machines/vm.ts';
import { diskElement } from '../../src/hypervisor/disk-xml.ts';
import type { DiskSpec, Hypervisor, UnplugOutcome } from '../../src/hypervisor/hypervisor.ts';
import type { Times } from '../../src/hypervisor/operations.ts';
import { STOPPED_MIGRATED } from '../../src/libvirt/constants.ts';
import type { FakeVmSettings } from '../../testkit/fakes/libvirtd/vm.ts';
import type { FakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { until } from '../../testkit/until.ts';
import { ANYWHERE, diskSpec, fakeNode, farOff, near, never, pluggedInto } from './support/fake-node.ts';

interface Setting {
  fake: FakeLibvirtd;
  hypervisor: Hypervisor;
  vm: Vm;
  spec: DiskSpec;
  unplug(deadline?: number, signal?: AbortSignal): Promise<UnplugOutcome>;
}

/** A VM with one disk plugged. */
async function startVm(
  t: ExecutionContext,
  settings: Partial<FakeVmSettings> = {},
  times: Partial<Times> = {},
): Promise<Setting> {
  const { fake, hypervisor } = await fakeNode(t, times);
  fake.addDomain({ name: 'a', ...settings });
  const { vm } = await hypervisor.resolve('n', 'a', farOff());
  const spec = diskSpec();
  t.deepEqual(await hypervisor.plug(vm, spec, farOff(), never()), pluggedInto({ fake }));
  return {
    fake,
    hypervisor,
    vm,
    spec,
    unplug: (deadline = farOff(), signal = never()) =>
      hypervisor.unplug(vm, spec.disk, { ...ANYWHERE, source: spec.source.path }, deadline, signal),
  };
}

const UNPLUGGED = { kind: 'unplugged' } as const;

const detaches = (fake: FakeLibvirtd): number =>
  fake.calls.filter(({ procedure }) => procedure === 'domainDetachDeviceAlias').length;
const asked = (fake: FakeLibvirtd): Promise<unknown> => until(() => detaches(fake) > 0, 'the request');

test('a willing guest releases the disk, and unplugging it again succeeds', async t => {
  const { fake, unplug } = await startVm(t, {}, { askAgainMs: 60_000 });
  t.deepEqual(await unplug(), UNPLUGGED);
  t.deepEqual(fake.domain('a').disks, []);
  t.is(detaches(fake), 1);
  t.deepEqual(await unplug(), UNPLUGGED);
});

test('a guest that keeps the disk is asked again at intervals until the deadline', async t => {
  const { fake, spec, unplug } = await startVm(t, { manners: 'unwilling' }, { askAgainMs: 2000 });
  const outcome = await unplug(near());
  t.is(outcome.kind, 'kept');
  t.deepEqual(
    fake.domain('a').disks.map(({ alias }) => alias),
    [`ua-${spec.disk}`],
  );
  // After 0, 2 and 4 s, but not in the last 1.5 s.
  t.true(detaches(fake) >= 2 && detaches(fake) <= 3, `${detaches(fake)}`);
});

test('a guest that has finished booting releases the disk when it is asked again', async t => {
  const { fake, unplug } = await startVm(t, { manners: 'booting' }, { askAgainMs: 2000 });
  const unplugging = unplug();
  await asked(fake);
  fake.setManners('a', 'willing');
  t.deepEqual(await unplugging, UNPLUGGED);
  t.is(detaches(fake), 2);
});

test('the outcome says why the guest kept the disk: paused, refused', async t => {
  const paused = await startVm(t);
  paused.fake.suspend('a');
  const refusing = await startVm(t, { manners: 'refusing' });
  const [outcome, other] = await Promise.all([paused.unplug(near()), refusing.unplug(near())]);
  t.regex(outcome.kind === 'kept' ? outcome.detail : '', /paused/);
  t.regex(other.kind === 'kept' ? other.detail : '', /refused/);
});

test('a paused guest that resumes before the deadline releases the disk', async t => {
  const { fake, unplug } = await startVm(t);
  fake.suspend('a');
  const unplugging = unplug();
  await asked(fake);
  fake.resume('a');
  t.deepEqual(await unplugging, UNPLUGGED);
});

test('if the event is lost, reading the domain shows that the disk is gone', async t => {
  const { fake, spec, unplug } = await startVm(t, { manners: 'unwilling' }, { askAgainMs: 60_000 });
  const unplugging = unplug();
  await asked(fake);
  const domain = fake.domain('a');
  domain.disks = domain.disks.filter(({ alias }) => alias !== `ua-${spec.disk}`);
  t.deepEqual(await unplugging, UNPLUGGED);
});

test('an event alone is no proof while the domain shows the disk', async t => {
  const { fake, vm, spec, unplug } = await startVm(t, { manners: 'unwilling' });
  const unplugging = unplug(near());
  await asked(fake);
  const domain = { name: 'a', uuid: vm.domain ?? '', id: 1 };
  fake.emit({ type: 'device-removed', domain, alias: `ua-${spec.disk}` });
  t.is((await unplugging).kind, 'kept');
});

for (const kind of ['drop-before', 'drop-after', 'no-answer'] as const) {
  test(`a disk is unplugged although the answer is lost (${kind})`, async t => {
    const { fake, unplug } = await startVm(t);
    fake.faults.inject('domainDetachDeviceAlias', { kind });
    t.deepEqual(await unplug(kind === 'no-answer' ? near() : farOff()), UNPLUGGED);
    t.deepEqual(fake.domain('a').disks, []);
  });
}

test('the guest is asked even if the domain does not show the disk: a plug may still be executed', async t => {
  const { fake, hypervisor, vm } = await startVm(t);
  t.deepEqual(await hypervisor.unplug(vm, diskSpec().disk, ANYWHERE, farOff(), never()), UNPLUGGED);
  t.is(detaches(fake), 1);
});

test('that the domain does not show a disk is no proof until libvirt has answered', async t => {
  const { fake, hypervisor, vm } = await startVm(t);
  fake.faults.inject('domainDetachDeviceAlias', { kind: 'no-answer' });
  const outcome = await hypervisor.unplug(vm, diskSpec().disk, ANYWHERE, near(), never());
  t.like(outcome, { kind: 'failed', code: 'UNPLUG_UNKNOWN' });
});

test('a disk of ours that has another alias is unplugged by that alias', async t => {
  const { fake, hypervisor, vm } = await startVm(t);
  const spec = diskSpec({ target: 'vdx' });
  fake.addDomain({
    name: 'b',
    disks: [diskElement(spec).replace(/<alias[^>]*>/, "<alias name='ua-mine'/>")],
  });
  const b = { ...vm, domain: fake.domain('b').uuid };
  t.deepEqual(
    await hypervisor.unplug(b, spec.disk, { ...ANYWHERE, source: spec.source.path }, farOff(), never()),
    UNPLUGGED,
  );
  t.deepEqual(fake.domain('b').disks, []);
});

test('a permanent refusal of libvirt is UNPLUG_REFUSED with its message', async t => {
  const { fake, unplug } = await startVm(t);
  const message = 'Requested operation is not valid: device ua-x is not removable';
  fake.faults.inject('domainDetachDeviceAlias', { kind: 'refuse', code: 55, message });
  t.deepEqual(await unplug(), { kind: 'failed', code: 'UNPLUG_REFUSED', detail: message });
});

for (const message of [
  "Requested operation is not valid: disk 'vdb' already in active block job",
  "internal error: unable to execute QEMU command 'device_del': Device 'libvirt-2-format' is in use",
  'internal error: unable to execute QEMU command: Node is in use by block job: commit',
]) {
  test(`a refusal because of a block job is BLOCK_JOB: ${message}`, async t => {
    const { fake, unplug } = await startVm(t);
    fake.faults.inject('domainDetachDeviceAlias', { kind: 'refuse', code: 55, message });
    t.deepEqual(await unplug(), { kind: 'failed', code: 'BLOCK_JOB', detail: message });
    t.is(fake.domain('a').disks.length, 1);
  });
}

/** Lets the VM write to another path, as after a snapshot with an overlay or a block copy. */
function divert(fake: FakeLibvirtd, source: string): void {
  const domain = fake.domain('a');
  domain.disks = domain.disks.map(disk => ({ ...disk, source }));
}

test('a guest is not asked if its VM writes to another path than the volume', async t => {
  const { fake, hypervisor, vm, spec, unplug } = await startVm(t);
  divert(fake, '/pool/overlay.qcow2');
  t.deepEqual(await unplug(), { kind: 'failed', code: 'DISK_DIVERTED', detail: '/pool/overlay.qcow2' });
  t.is(detaches(fake), 0);
  t.is(fake.domain('a').disks.length, 1);
  // Without a condition on the path it is unplugged.
  t.deepEqual(await hypervisor.unplug(vm, spec.disk, ANYWHERE, farOff(), never()), UNPLUGGED);
});

test('a guest is not asked again if its VM got a snapshot in between', async t => {
  const { fake, unplug } = await startVm(t, { manners: 'booting' });
  const unplugging = unplug();
  await asked(fake);
  divert(fake, '/pool/overlay.qcow2');
  fake.setManners('a', 'willing');
  t.deepEqual(await unplugging, { kind: 'failed', code: 'DISK_DIVERTED', detail: '/pool/overlay.qcow2' });
  t.is(detaches(fake), 1);
  t.is(fake.domain('a').disks.length, 1);
});

test('a guest is not asked again before its domain has been read', async t => {
  const { fake, unplug } = await startVm(t, { manners: 'booting' });
  const seen = fake.calls.length;
  fake.faults.inject('domainGetXmlDesc', { kind: 'delay', ms: 0 });
  // Enough failures to last longer than `askAgainMs`.
  fake.faults.inject('domainGetXmlDesc', { kind: 'refuse', code: 38, message: 'Input/output error' }, 60);
  const unplugging = unplug();
  await asked(fake);
  fake.setManners('a', 'willing');
  t.deepEqual(await unplugging, UNPLUGGED);
  const [look, request] = ['domainGetXmlDesc', 'domainDetachDeviceAlias'];
  const calls = fake.calls.slice(seen).map(({ procedure }) => procedure);
  // A look reads the live domain and the definition.
  const turns = calls.filter((procedure, index) => procedure !== calls[index - 1]);
  t.deepEqual(turns.slice(0, 4), [look, request, look, request]);
});

test('a guest is not asked if the path that its VM writes to cannot be read', async t => {
  const { fake, unplug } = await startVm(t);
  fake.faults.inject('domainGetXmlDesc', { kind: 'refuse', code: 38, message: 'Input/output error' });
  const outcome = await unplug();
  t.like(outcome, { kind: 'failed', code: 'NODE_UNREACHABLE' });
  t.regex(outcome.kind === 'failed' ? outcome.detail : '', /Input\/output error/);
  t.is(detaches(fake), 0);
  t.deepEqual(await unplug(), UNPLUGGED);
});

test('the device-mapper path of a logical volume counts as the same volume', async t => {
  const { fake, hypervisor, vm } = await startVm(t);
  const volume = diskSpec({ source: { type: 'block', path: '/dev/vg-1/disk-2' }, target: 'vdc' });
  await hypervisor.plug(vm, volume, farOff(), never());
  const unplug = () =>
    hypervisor.unplug(vm, volume.disk, { ...ANYWHERE, source: '/dev/vg-1/disk-2' }, farOff(), never());
  divert(fake, '/dev/mapper/vg--1-other--2');
  t.like(await unplug(), { kind: 'failed', code: 'DISK_DIVERTED' });
  divert(fake, '/dev/mapper/vg--1-disk--2');
  t.deepEqual(await unplug(), UNPLUGGED);
});

test('a disk that is released while the reason for keeping it is asked for is unplugged', async t => {
  const { fake, spec, unplug } = await startVm(t, { manners: 'unwilling' });
  fake.faults.inject('domainGetState', {
    kind: 'delay',
    // The getter is called when the query of the state arrives.
    get until() {
      fake.release('a', `ua-${spec.disk}`);
      return Promise.resolve();
    },
  });
  t.deepEqual(await unplug(near()), UNPLUGGED);
  t.deepEqual(fake.domain('a').disks, []);
});

test('a request that is still pending in QEMU is no refusal', async t => {
  const { fake, unplug } = await startVm(t);
  const message =
    "internal error: unable to execute QEMU command 'device_del': Device ua-x is already in the process of unplug";
  fake.faults.inject('domainDetachDeviceAlias', { kind: 'refuse', code: 1, message });
  t.deepEqual(await unplug(), UNPLUGGED);
});

test('a dead node is NODE_UNREACHABLE before the deadline; if it dies after the request, UNPLUG_UNKNOWN', async t => {
  const { fake, hypervisor, unplug } = await startVm(t, { manners: 'unwilling' });
  const unplugging = unplug(near());
  await asked(fake);
  await fake.stop();
  t.like(await unplugging, { kind: 'failed', code: 'UNPLUG_UNKNOWN' });
  await until(() => hypervisor.status()[0]?.state !== 'up', 'the loss to be noticed');
  t.like(await unplug(), { kind: 'failed', code: 'NODE_UNREACHABLE' });
  await fake.listen();
});

test('an unplug survives a restart of libvirtd', async t => {
  const { fake, unplug } = await startVm(t, { manners: 'booting' });
  const unplugging = unplug();
  await asked(fake);
  await fake.stop();
  fake.setManners('a', 'willing');
  await fake.listen();
  t.deepEqual(await unplugging, UNPLUGGED);
});

test('if libvirtd does not know the VM just after its restart, the outcome is stopped', async t => {
  const { fake, unplug } = await startVm(t, { manners: 'booting' });
  const unplugging = unplug();
  await asked(fake);
  await fake.stop();
  fake.setManners('a', 'willing');
  const message = 'Domain not found: no domain with matching uuid';
  fake.faults.inject('domainDetachDeviceAlias', { kind: 'refuse', code: 42, message });
  fake.faults.inject('domainGetXmlDesc', { kind: 'refuse', code: 42, message });
  await fake.listen();
  t.deepEqual(await unplugging, { kind: 'stopped', settled: true });
  fake.faults.clear();
  t.deepEqual(await unplug(), UNPLUGGED);
});

const STOPPED = { kind: 'stopped', settled: true } as const;

test('if a VM ends during the unplug, the outcome is stopped, at once', async t => {
  const { fake, unplug } = await startVm(t, { manners: 'unwilling' }, { settlingMs: 7_200_000 });
  const unplugging = unplug();
  await asked(fake);
  fake.destroy('a');
  t.deepEqual(await unplugging, STOPPED);
});

test('for a VM that is gone, shut off or saved, the outcome is stopped', async t => {
  for (const persistent of [true, false]) {
    const { fake, unplug } = await startVm(t, { persistent });
    fake.destroy('a');
    t.deepEqual(await unplug(), STOPPED);
  }
  const { fake, unplug } = await startVm(t);
  fake.save('a');
  t.deepEqual(await unplug(), STOPPED);
  fake.start('a');
  t.deepEqual(await unplug(), UNPLUGGED);
});

test('if a VM migrates away during the unplug, the outcome is stopped, not unplugged', async t => {
  const { fake, unplug } = await startVm(t, { manners: 'unwilling' });
  const unplugging = unplug();
  await asked(fake);
  fake.destroy('a', STOPPED_MIGRATED);
  t.deepEqual(await unplugging, STOPPED);
});

test('the outcome is settled only if libvirt has answered', async t => {
  const { fake, hypervisor, vm } = await startVm(t);
  fake.faults.inject('domainDetachDeviceAlias', { kind: 'no-answer' });
  fake.destroy('a');
  const outcome = await hypervisor.unplug(vm, diskSpec().disk, ANYWHERE, near(), never());
  t.deepEqual(outcome, { kind: 'stopped', settled: false });
});

test('two disks of one VM can be unplugged at the same time', async t => {
  const { fake, hypervisor, vm, spec, unplug } = await startVm(t, { manners: 'unwilling' });
  const other = diskSpec({ target: 'vdc' });
  const first = unplug();
  await asked(fake);
  // While the first request is pending.
  t.deepEqual(await hypervisor.plug(vm, other, farOff(), never()), pluggedInto({ fake }));
  const second = hypervisor.unplug(
    vm,
    other.disk,
    { ...ANYWHERE, source: other.source.path },
    farOff(),
    never(),
  );
  await until(() => fake.domain('a').pending.size === 2, 'both requests');
  for (const { disk } of [other, spec]) fake.release('a', `ua-${disk}`);
  t.deepEqual(await Promise.all([first, second]), [UNPLUGGED, UNPLUGGED]);
});

test('an aborted unplug ends at once', async t => {
  const { fake, unplug } = await startVm(t, { manners: 'unwilling' }, { askAgainMs: 60_000 });
  const abort = new AbortController();
  const unplugging = unplug(farOff(), abort.signal);
  await asked(fake);
  abort.abort(new Error('stopping'));
  t.like(await unplugging, { kind: 'failed', code: 'UNPLUG_UNKNOWN' });
});

test('an unplug on a node that is no longer configured fails with NODE_UNREACHABLE', async t => {
  const { hypervisor, vm, spec } = await startVm(t);
  const outcome = await hypervisor.unplug(
    { ...vm, node: 'host:gone' },
    spec.disk,
    ANYWHERE,
    farOff(),
    never(),
  );
  t.like(outcome, { kind: 'failed', code: 'NODE_UNREACHABLE' });
});
