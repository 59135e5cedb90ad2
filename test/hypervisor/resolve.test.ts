import test, { type ExecutionContext } from 'ava';
import { PdiskError } from '../../src/errors.ts';
import { diskElement } from '../../src/hypervisor/disk-xml.ts';
import type { DiskSpec } from '../../src/hypervisor/hypervisor.ts';
import { diskSpec, fakeLibvirtd, fakeNode, farOff, hypervisorOf, inMs } from './support/fake-node.ts';

async function codeOf(t: ExecutionContext, promise: Promise<unknown>): Promise<string> {
  const error = await t.throwsAsync(promise, { instanceOf: PdiskError });
  return `${error?.code}: ${error?.message}`;
}

test('a vm_id is resolved to the UUID of the running domain that has one of its names', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  const one = fake.addDomain({ name: 'one-7' });
  for (const id of ['7', 'one-7']) {
    const { vm } = await hypervisor.resolve('N.', id, farOff());
    t.is(vm.domain, one.uuid);
    t.is(vm.host, 'n');
    t.true(vm.names.includes('one-7'));
  }
});

test('dollar signs in a vm_id have no special meaning', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  const domain = fake.addDomain({ name: 'one-$&' });
  t.is((await hypervisor.resolve('n', '$&', farOff())).vm.domain, domain.uuid);
});

test('the targets in use are those of the live domain', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  fake.addDomain({ name: '7', disks: [diskElement(diskSpec({ target: 'vdf' }))] });
  t.deepEqual((await hypervisor.resolve('n', '7', farOff())).targets, ['vdf']);
});

test('a paused VM counts as running, one that is shut off does not', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  const paused = fake.addDomain({ name: 'paused' });
  fake.suspend('paused');
  fake.addDomain({ name: 'off', running: false });
  t.is((await hypervisor.resolve('n', 'paused', farOff())).vm.domain, paused.uuid);
  t.regex(await codeOf(t, hypervisor.resolve('n', 'off', farOff())), /^VM_NOT_RUNNING/);
  t.regex(await codeOf(t, hypervisor.resolve('n', 'none', farOff())), /^VM_UNKNOWN/);
});

test('if two running domains match, the error names both; a stopped one is ignored', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  const plain = fake.addDomain({ name: '7' });
  const one = fake.addDomain({ name: 'one-7' });
  const said = await codeOf(t, hypervisor.resolve('n', '7', farOff()));
  t.regex(said, /^VM_AMBIGUOUS/);
  t.true(said.includes(plain.uuid) && said.includes(one.uuid), said);
  fake.destroy('7');
  t.is((await hypervisor.resolve('n', '7', farOff())).vm.domain, one.uuid);
});

test('an unknown node is NODE_NOT_CONFIGURED; a dead one is NODE_UNREACHABLE before the deadline, with the reason', async t => {
  const { hypervisor, lines } = hypervisorOf(t, { dead: 'qemu:///system?socket=/nonexistent/sock' });
  t.regex(await codeOf(t, hypervisor.resolve('other', '7', farOff())), /^NODE_NOT_CONFIGURED.*'other'/);
  for (let i = 0; i < 3; i += 1) {
    t.regex(await codeOf(t, hypervisor.resolve('dead', '7', farOff())), /^NODE_UNREACHABLE.*ENOENT/);
  }
  t.is(lines.length, 1, 'it is logged once');
});

test('a node that accepts a call and does not answer is NODE_UNREACHABLE at the deadline', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  fake.addDomain({ name: '7' });
  fake.faults.inject('domainLookupByName', { kind: 'no-answer' }, 2);
  t.regex(await codeOf(t, hypervisor.resolve('n', '7', inMs(2000))), /^NODE_UNREACHABLE/);
});

test('a node that accepts a connection and does not answer is NODE_UNREACHABLE before the deadline', async t => {
  const { fake, hypervisor } = await fakeNode(t, { connectMs: 300 });
  fake.faults.deaf = true;
  t.regex(await codeOf(t, hypervisor.resolve('n', '7', farOff())), /^NODE_UNREACHABLE/);
});

test('a VM in its switch-over, and the incoming copy before it, are VM_MIGRATING', async t => {
  const [from, to] = [await fakeLibvirtd(t), await fakeLibvirtd(t)];
  const { hypervisor } = hypervisorOf(t, { from: from.uri, to: to.uri });
  from.addDomain({ name: '7' });
  const migration = from.migrate('7', to);
  for (const phase of ['preparing', 'copying'] as const) {
    migration.to(phase);
    t.regex(await codeOf(t, hypervisor.resolve('to', '7', farOff())), /^VM_MIGRATING/, phase);
    t.is((await hypervisor.resolve('from', '7', farOff())).vm.host, 'from');
  }
  migration.to('switching');
  for (const node of ['from', 'to']) {
    t.regex(await codeOf(t, hypervisor.resolve(node, '7', farOff())), /^VM_MIGRATING/, node);
  }
  migration.to('over');
  t.is((await hypervisor.resolve('to', '7', farOff())).vm.host, 'to');
});

test('the disks of a VM are found by alias or by serial, not by a path', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  const [alias, serial, path] = [
    diskSpec({ target: 'vdb' }),
    diskSpec({ target: 'vdc' }),
    diskSpec({ target: 'vdd' }),
  ];
  const bare = (spec: DiskSpec): string => diskElement(spec).replace(/<alias[^>]*>/, '');
  const anonymous = bare(path).replace(/<serial>[^<]*<\/serial>/, '');
  fake.addDomain({ name: '7', disks: [diskElement(alias), bare(serial), anonymous] });
  const { disks, targets } = await hypervisor.resolve('n', '7', farOff());
  t.deepEqual(disks, [alias.disk, serial.disk]);
  t.deepEqual(targets, ['vdb', 'vdc', 'vdd']);
});
