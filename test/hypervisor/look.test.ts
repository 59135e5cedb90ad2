import { randomUUID } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { PdiskError } from '../../src/errors.ts';
import { diskElement } from '../../src/hypervisor/disk-xml.ts';
import type { Look } from '../../src/hypervisor/hypervisor.ts';
import { gate } from '../../testkit/latch.ts';
import {
  diskSpec,
  fakeLibvirtd,
  fakeNode,
  farOff,
  hypervisorOf,
  inMs,
  restartFake,
} from './support/fake-node.ts';

/** A VM with one disk, on node `n`. */
async function startVm(t: ExecutionContext, { persistent = true } = {}) {
  const { fake, hypervisor } = await fakeNode(t);
  const spec = diskSpec();
  const { uuid } = fake.addDomain({ name: 'a', persistent, disks: [diskElement(spec)] });
  const node = hypervisor.nodeKey('n');
  const look = (): Promise<Look> => hypervisor.look(node, uuid, farOff());
  return { fake, hypervisor, node, uuid, spec, look };
}

test('look shows the run, the disks and the targets of a running or paused VM', async t => {
  const { fake, spec, look } = await startVm(t);
  const { disk, source, target } = spec;
  const seen = {
    kind: 'running',
    run: { host: fake.hostUuid, id: fake.domain('a').id },
    disks: [{ disk, by: 'alias', alias: `ua-${disk}`, target, source: source.path }],
    targets: [target],
    defined: [disk],
  } as const;
  t.deepEqual(await look(), seen);
  fake.suspend('a');
  t.deepEqual(await look(), seen);
  fake.resume('a');
  fake.destroy('a');
  fake.start('a');
  t.deepEqual(await look(), { ...seen, run: { ...seen.run, id: fake.domain('a').id } });
  t.not(fake.domain('a').id, seen.run.id);
});

test('look shows how a VM ended that is shut off, until libvirtd restarts', async t => {
  const { fake, hypervisor, spec, look } = await startVm(t);
  const off = (how: string | null) => ({ kind: 'off', how, host: fake.hostUuid, defined: [spec.disk] });
  const ends = { shutdown: 'poweroff', destroyed: 'destroy', crashed: 'kill', saved: 'saveToFile' } as const;
  for (const [how, end] of Object.entries(ends)) {
    fake[end]('a');
    t.deepEqual(await look(), off(how === 'saved' ? null : how));
    fake.start('a');
  }
  fake.destroy('a');
  await restartFake({ fake, hypervisor });
  t.deepEqual(await look(), off(null));
});

test('look shows a managed save image, also after a restart of libvirtd, until the VM is started', async t => {
  const { fake, hypervisor, look } = await startVm(t);
  fake.save('a');
  t.deepEqual(await look(), { kind: 'saved' });
  await restartFake({ fake, hypervisor });
  t.deepEqual(await look(), { kind: 'saved' });
  fake.start('a');
  t.is((await look()).kind, 'running');
});

test('a VM that libvirt does not list is absent', async t => {
  const { fake, hypervisor, node, look } = await startVm(t, { persistent: false });
  t.deepEqual(await hypervisor.look(node, randomUUID(), farOff()), { kind: 'absent' });
  fake.destroy('a');
  t.deepEqual(await look(), { kind: 'absent' });
});

test('in a migration, the incoming copy and the source in its switch-over are moving', async t => {
  const [from, to] = [await fakeLibvirtd(t), await fakeLibvirtd(t)];
  const { hypervisor } = hypervisorOf(t, { from: from.uri, to: to.uri });
  const { uuid } = from.addDomain({ name: 'a' });
  const kinds = async (): Promise<string[]> => {
    const looks = ['from', 'to'].map(host => hypervisor.look(hypervisor.nodeKey(host), uuid, farOff()));
    return (await Promise.all(looks)).map(({ kind }) => kind);
  };
  const migration = from.migrate('a', to, { undefineSource: true });
  t.deepEqual(await kinds(), ['running', 'moving']);
  migration.to('copying');
  t.deepEqual(await kinds(), ['running', 'moving']);
  migration.to('switching');
  t.deepEqual(await kinds(), ['moving', 'moving']);
  migration.to('landed');
  t.deepEqual(await kinds(), ['moving', 'running']);
  migration.to('over');
  t.deepEqual(await kinds(), ['absent', 'running']);
});

test('a plugged disk is not in the definition, until the VM is defined from its live XML', async t => {
  const { fake, hypervisor, node, uuid, spec, look } = await startVm(t);
  const [device] = fake.domain('a').disks;
  if (!device) throw new Error('no disk');
  const disk = randomUUID();
  fake.domain('a').disks.push({ ...device, alias: `ua-${disk}`, target: 'vdx' });
  t.like(await look(), { kind: 'running', defined: [spec.disk] });
  fake.domain('a').coldDisks = [...fake.domain('a').disks];
  t.like(await look(), { kind: 'running', defined: [spec.disk, disk] });
  t.is(await hypervisor.undefineDisk(node, uuid, disk, farOff()), undefined);
  t.like(await look(), { kind: 'running', defined: [spec.disk] });
  t.is(fake.domain('a').disks.length, 2, 'the live domain keeps the disk');
  t.is(
    await hypervisor.undefineDisk(node, uuid, disk, farOff()),
    undefined,
    'the definition no longer has the disk',
  );
});

test('a transient VM has no disk in its definition', async t => {
  const { hypervisor, node, uuid, spec, look } = await startVm(t, { persistent: false });
  t.like(await look(), { kind: 'running', defined: [] });
  t.is(await hypervisor.undefineDisk(node, uuid, spec.disk, farOff()), undefined);
});

test('undefineDisk returns the reason why a disk stays in the definition', async t => {
  const { fake, hypervisor, node, uuid, spec, look } = await startVm(t);
  const message = 'Timed out during operation: cannot acquire state change lock';
  fake.faults.inject('domainDetachDeviceAlias', { kind: 'refuse', code: 68, message });
  t.is(await hypervisor.undefineDisk(node, uuid, spec.disk, farOff()), message);
  t.like(await look(), { defined: [spec.disk] });
  await fake.stop();
  t.is(typeof (await hypervisor.undefineDisk(node, uuid, spec.disk, inMs(300))), 'string');
  await fake.listen();
});

test('a node that does not answer in time is unreachable', async t => {
  const { fake, hypervisor, node, uuid, look } = await startVm(t);
  const { opened, open } = gate();
  fake.faults.inject('domainGetXmlDesc', { kind: 'delay', until: opened });
  const late = await t.throwsAsync(hypervisor.look(node, uuid, inMs(300)), { instanceOf: PdiskError });
  t.is(late?.code, 'NODE_UNREACHABLE');
  open();
  await fake.stop();
  const silent = await t.throwsAsync(look(), { instanceOf: PdiskError });
  t.is(silent?.code, 'NODE_UNREACHABLE');
  const unknown = hypervisor.look('host:x', uuid, farOff());
  t.is((await t.throwsAsync(unknown, { instanceOf: PdiskError }))?.code, 'NODE_NOT_CONFIGURED');
  await fake.listen();
});

test('the domains with the names of a VM are found, running or not', async t => {
  const { fake, hypervisor, uuid } = await startVm(t);
  const off = fake.addDomain({ name: 'one-a', running: false });
  fake.addDomain({ name: 'other' });
  const found = await hypervisor.domainsNamed(hypervisor.vm('n', 'a'), farOff());
  t.deepEqual(found.map(domain => domain.uuid).sort(), [uuid, off.uuid].sort());
  t.deepEqual(await hypervisor.domainsNamed(hypervisor.vm('n', 'nobody'), farOff()), []);
});
