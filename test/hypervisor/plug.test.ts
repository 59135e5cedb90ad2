import test, { type ExecutionContext } from 'ava';
import type { Vm } from '../../machines/vm.ts';
import { diskElement } from '../../src/hypervisor/disk-xml.ts';
import type { DiskSpec, Hypervisor, PlugOutcome } from '../../src/hypervisor/hypervisor.ts';
import type { Times } from '../../src/hypervisor/operations.ts';
import { ERROR, STOPPED_MIGRATED } from '../../src/libvirt/constants.ts';
import type { FakeVmSettings } from '../../testkit/fakes/libvirtd/vm.ts';
import { parseDisk } from '../../testkit/fakes/libvirtd/xml.ts';
import type { FakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { gate } from '../../testkit/latch.ts';
import { until } from '../../testkit/until.ts';
import { diskSpec, fakeNode, farOff, near, never, pluggedInto } from './support/fake-node.ts';

interface Setting {
  fake: FakeLibvirtd;
  hypervisor: Hypervisor;
  vm: Vm;
  spec: DiskSpec;
  plug(deadline?: number, signal?: AbortSignal): Promise<PlugOutcome>;
  plugged(): string[];
}

async function startVm(
  t: ExecutionContext,
  settings: Partial<FakeVmSettings> = {},
  times: Partial<Times> = {},
): Promise<Setting> {
  const { fake, hypervisor } = await fakeNode(t, times);
  fake.addDomain({ name: 'a', ...settings });
  const { vm } = await hypervisor.resolve('n', 'a', farOff());
  const spec = diskSpec();
  return {
    fake,
    hypervisor,
    vm,
    spec,
    plug: (deadline = farOff(), signal = never()) => hypervisor.plug(vm, spec, deadline, signal),
    plugged: () => fake.domain('a').disks.map(({ alias }) => alias),
  };
}

const attaches = (fake: FakeLibvirtd): number =>
  fake.calls.filter(({ procedure }) => procedure === 'domainAttachDeviceFlags').length;

test('a disk is plugged when the live domain shows it, and plugging it again succeeds', async t => {
  const { fake, plug, plugged, spec } = await startVm(t);
  t.deepEqual(await plug(), pluggedInto({ fake }));
  t.deepEqual(await plug(), pluggedInto({ fake }));
  t.deepEqual(plugged(), [`ua-${spec.disk}`]);
});

test('twenty concurrent plugs into one VM are executed one after the other', async t => {
  const { fake, hypervisor, vm } = await startVm(t, { ports: 26 });
  const targets = Array.from({ length: 20 }, (_, i) => `vd${String.fromCharCode(97 + i)}`);
  fake.faults.inject('domainAttachDeviceFlags', { kind: 'delay', ms: 5 }, 20);
  const plugs = targets.map(target => hypervisor.plug(vm, diskSpec({ target }), farOff(), never()));
  for (const outcome of await Promise.all(plugs)) t.deepEqual(outcome, pluggedInto({ fake }));
  t.is(fake.mostUnanswered, 1);
});

test('a taken target, a missing slot and a locked image are refused with their own codes', async t => {
  const { fake, hypervisor, vm } = await startVm(t, { ports: 1 });
  const first = diskSpec({ target: 'vda' });
  await hypervisor.plug(vm, first, farOff(), never());
  const codeOf = async (node: Vm, spec: DiskSpec): Promise<string> => {
    const outcome = await hypervisor.plug(node, spec, farOff(), never());
    return outcome.kind === 'refused' ? outcome.code : outcome.kind;
  };
  t.is(await codeOf(vm, diskSpec({ target: 'vda' })), 'TARGET_TAKEN');
  t.is(await codeOf(vm, diskSpec({ target: 'vdb' })), 'NO_PCI_SLOT');
  fake.addDomain({ name: 'b' });
  const b = (await hypervisor.resolve('n', 'b', farOff())).vm;
  t.is(await codeOf(b, first), 'IMAGE_LOCKED');
  t.deepEqual(fake.domain('b').disks, []);
});

test('any other refusal of libvirt is PLUG_REFUSED with its message', async t => {
  const { fake, plug } = await startVm(t);
  const message = "Cannot access storage file '/pool/x.raw': No such file or directory";
  fake.faults.inject('domainAttachDeviceFlags', { kind: 'refuse', code: 38, message });
  t.deepEqual(await plug(), { kind: 'refused', code: 'PLUG_REFUSED', detail: message });
});

for (const kind of ['drop-before', 'drop-after', 'garbage', 'wrong-procedure'] as const) {
  test(`a disk is plugged although the answer is lost (${kind})`, async t => {
    const { fake, plug, plugged } = await startVm(t);
    fake.faults.inject('domainAttachDeviceFlags', { kind });
    t.deepEqual(await plug(), pluggedInto({ fake }));
    t.is(plugged().length, 1);
  });
}

test('if an answer never arrives, the live domain is read instead', async t => {
  const { fake, plug } = await startVm(t);
  fake.faults.inject('domainAttachDeviceFlags', { kind: 'no-answer' });
  t.deepEqual(await plug(near()), pluggedInto({ fake }));
  t.is(attaches(fake), 1);
});

test('a call that hangs until the deadline has an unknown outcome, because it may still be executed', async t => {
  const { fake, plug, plugged } = await startVm(t);
  const { opened, open } = gate();
  fake.faults.inject('domainAttachDeviceFlags', { kind: 'delay', until: opened });
  t.is((await plug(near())).kind, 'unknown');
  t.deepEqual(plugged(), []);
  open();
});

test('after a success, the outcome is unknown if the domain cannot be read', async t => {
  const { fake, plug } = await startVm(t, {}, { retryMs: 500 });
  fake.faults.inject('domainGetXmlDesc', { kind: 'refuse', code: 38, message: 'Input/output error' }, 100);
  const outcome = await plug(near());
  t.is(outcome.kind, 'unknown');
});

test('if the node does not answer, the outcome is unknown, before the deadline', async t => {
  const { fake, hypervisor, plug } = await startVm(t);
  await fake.stop();
  // An attempt, not the loss: the two connections of a node notice their loss at different moments.
  await until(() => hypervisor.status()[0]?.error?.includes('ENOENT'), 'an attempt that fails');
  t.is((await plug()).kind, 'unknown');
  await fake.listen();
});

test('the call is repeated if libvirtd does not know a running domain just after its restart', async t => {
  const { fake, plug } = await startVm(t, {}, { settlingMs: 3_600_000 });
  const message = 'Domain not found: no domain with matching uuid';
  fake.faults.inject('domainAttachDeviceFlags', { kind: 'refuse', code: 42, message }, 2);
  fake.faults.inject('domainGetXmlDesc', { kind: 'refuse', code: 42, message }, 2);
  t.deepEqual(await plug(), pluggedInto({ fake }));
  t.is(attaches(fake), 1, 'calls that a fault refused are not counted');
});

test('another job on the domain is waited for', async t => {
  const { fake, plug } = await startVm(t);
  const message = 'Timed out during operation: cannot acquire state change lock';
  fake.faults.inject('domainAttachDeviceFlags', { kind: 'refuse', code: 68, message });
  t.deepEqual(await plug(), pluggedInto({ fake }));
});

test('a VM that is gone and one that is shut off are refused with different codes', async t => {
  const gone = await startVm(t, { persistent: false });
  gone.fake.destroy('a');
  const outcome = await gone.plug();
  t.is(outcome.kind === 'refused' && outcome.code, 'VM_UNKNOWN');

  const off = await startVm(t);
  off.fake.destroy('a');
  const other = await off.plug();
  t.is(other.kind === 'refused' && other.code, 'VM_NOT_RUNNING');
});

test('if a VM stops just after the plug, the outcome is unknown: it may come back with the disk', async t => {
  const { fake, plug, plugged } = await startVm(t);
  const { opened, open } = gate();
  fake.faults.inject('domainGetXmlDesc', { kind: 'delay', until: opened });
  const plugging = plug();
  await until(() => plugged().length === 1, 'the disk');
  fake.destroy('a');
  open();
  const outcome = await plugging;
  t.is(outcome.kind, 'unknown');
  t.regex(outcome.kind === 'unknown' ? outcome.detail : '', /has stopped since libvirt plugged it in/);
});

test('a VM that was saved before does not run, and does not get the disk', async t => {
  const { fake, plug, plugged } = await startVm(t);
  fake.save('a');
  t.like(await plug(), { kind: 'refused', code: 'VM_NOT_RUNNING' });
  fake.start('a');
  t.deepEqual(plugged(), []);
});

test('if a VM is saved just after the plug, the outcome is unknown: it is restored with the disk', async t => {
  const { fake, plug, plugged } = await startVm(t);
  const { opened, open } = gate();
  fake.faults.inject('domainGetXmlDesc', { kind: 'delay', until: opened });
  const plugging = plug();
  await until(() => plugged().length === 1, 'the disk');
  fake.save('a');
  open();
  t.is((await plugging).kind, 'unknown');
  fake.start('a');
  t.is(plugged().length, 1);
});

test('if an earlier call may still be executed, the outcome is unknown although the VM does not run', async t => {
  const { fake, hypervisor, vm, spec } = await startVm(t);
  fake.destroy('a');
  const outcome = await hypervisor.plug(vm, { ...spec, mayBeAtWork: true }, farOff(), never());
  t.is(outcome.kind, 'unknown');
});

test('after a lost answer, the outcome is unknown although the VM does not run', async t => {
  const { fake, plug } = await startVm(t);
  fake.faults.inject('domainAttachDeviceFlags', { kind: 'drop-before' });
  fake.destroy('a');
  t.is((await plug()).kind, 'unknown');
});

for (const [code, message] of [
  [ERROR.INTERNAL, 'internal error: End of file from qemu monitor'],
  [38, 'Unable to read from monitor: Connection reset by peer'],
] as const) {
  test(`after "${message}" the live domain shows whether the disk is plugged`, async t => {
    const there = await startVm(t);
    there.fake.domain('a').disks.push(parseDisk(diskElement(there.spec)));
    there.fake.faults.inject('domainAttachDeviceFlags', { kind: 'refuse', code, message });
    t.deepEqual(await there.plug(), pluggedInto(there));

    const absent = await startVm(t);
    absent.fake.faults.inject('domainAttachDeviceFlags', { kind: 'refuse', code, message });
    t.deepEqual(await absent.plug(), { kind: 'refused', code: 'VM_STOPPED', detail: message });

    const stopped = await startVm(t);
    stopped.fake.faults.inject('domainAttachDeviceFlags', { kind: 'refuse', code, message });
    stopped.fake.destroy('a');
    t.deepEqual(await stopped.plug(), { kind: 'unknown', detail: message });
  });
}

test('the outcome has the run into which the disk was plugged', async t => {
  const { fake, plug } = await startVm(t);
  const first = pluggedInto({ fake });
  fake.destroy('a');
  fake.start('a');
  const outcome = await plug();
  t.deepEqual(outcome, pluggedInto({ fake }));
  t.notDeepEqual(outcome, first);
});

test('if a VM migrates away during the plug, the outcome is unknown', async t => {
  const { fake, plug, plugged } = await startVm(t);
  const { opened, open } = gate();
  fake.faults.inject('domainGetXmlDesc', { kind: 'delay', until: opened });
  const plugging = plug();
  await until(() => plugged().length === 1, 'the disk');
  fake.destroy('a', STOPPED_MIGRATED);
  open();
  t.is((await plugging).kind, 'unknown');
});

test('if a VM migrates with the disk before its domain was read, the outcome is unknown', async t => {
  const { fake, plug, plugged } = await startVm(t);
  fake.faults.inject('domainGetXmlDesc', { kind: 'refuse', code: 38, message: 'Input/output error' }, 1000);
  const plugging = plug();
  await until(() => plugged().length === 1, 'the disk');
  fake.destroy('a', STOPPED_MIGRATED);
  fake.faults.clear();
  t.is((await plugging).kind, 'unknown');
});

test('a disk with our alias and another path does not count as plugged', async t => {
  const { hypervisor, vm, spec, plug } = await startVm(t);
  const elsewhere = { ...spec, source: { type: 'file', path: '/old/pool/x.raw' } } as const;
  t.is((await hypervisor.plug(vm, elsewhere, farOff(), never())).kind, 'plugged');
  t.is((await plug()).kind, 'unknown');
});

test('an aborted plug ends at once with an unknown outcome', async t => {
  const { fake, plug } = await startVm(t);
  fake.faults.inject('domainAttachDeviceFlags', { kind: 'no-answer' });
  const abort = new AbortController();
  const plugging = plug(farOff(), abort.signal);
  await until(() => attaches(fake) === 1, 'the call');
  abort.abort(new Error('stopping'));
  t.is((await plugging).kind, 'unknown');
});

test('plugging into a VM that was not resolved is refused', async t => {
  const { hypervisor, spec } = await startVm(t);
  const outcome = await hypervisor.plug(hypervisor.vm('n', 'a'), spec, farOff(), never());
  t.is(outcome.kind === 'refused' && outcome.code, 'VM_UNKNOWN');
});
