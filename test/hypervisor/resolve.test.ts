import test, { type ExecutionContext } from 'ava';
import { PdiskError } from '../../src/errors.ts';
import { diskElement } from '../../src/hypervisor/disk-xml.ts';
import { diskSpec, fakeNode, farOff, hypervisorOf, inMs } from './helpers/fake-node.ts';

async function codeOf(t: ExecutionContext, promise: Promise<unknown>): Promise<string> {
  const error = await t.throwsAsync(promise, { instanceOf: PdiskError });
  return `${error?.code}: ${error?.message}`;
}

test('a vm_id means the running domain that bears one of its names, by UUID from then on', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  const one = fake.addDomain({ name: 'one-7' });
  for (const id of ['7', 'one-7']) {
    const { vm } = await hypervisor.resolve('N.', id, farOff());
    t.is(vm.domain, one.uuid);
    t.is(vm.host, 'n');
    t.true(vm.names.includes('one-7'));
  }
});

test('dollar signs in a vm_id are taken as they are', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  const domain = fake.addDomain({ name: 'one-$&' });
  t.is((await hypervisor.resolve('n', '$&', farOff())).vm.domain, domain.uuid);
});

test('the targets in use are those of the live domain', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  fake.addDomain({ name: '7', disks: [diskElement(diskSpec({ target: 'vdf' }))] });
  t.deepEqual((await hypervisor.resolve('n', '7', farOff())).targets, ['vdf']);
});

test('a paused machine runs, one that is shut off does not', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  const paused = fake.addDomain({ name: 'paused' });
  fake.suspend('paused');
  fake.addDomain({ name: 'off', running: false });
  t.is((await hypervisor.resolve('n', 'paused', farOff())).vm.domain, paused.uuid);
  t.regex(await codeOf(t, hypervisor.resolve('n', 'off', farOff())), /^VM_NOT_RUNNING/);
  t.regex(await codeOf(t, hypervisor.resolve('n', 'none', farOff())), /^VM_UNKNOWN/);
});

test('two running domains that may be meant are both named; of two, a stopped one does not count', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  const plain = fake.addDomain({ name: '7' });
  const one = fake.addDomain({ name: 'one-7' });
  const said = await codeOf(t, hypervisor.resolve('n', '7', farOff()));
  t.regex(said, /^VM_AMBIGUOUS/);
  t.true(said.includes(plain.uuid) && said.includes(one.uuid), said);
  fake.destroy('7');
  t.is((await hypervisor.resolve('n', '7', farOff())).vm.domain, one.uuid);
});

test('an unknown node is not configured; a silent one is unreachable before the deadline, with the reason', async t => {
  const { hypervisor, lines } = hypervisorOf(t, { dead: 'qemu:///system?socket=/nonexistent/sock' });
  t.regex(await codeOf(t, hypervisor.resolve('other', '7', farOff())), /^NODE_NOT_CONFIGURED.*'other'/);
  for (let i = 0; i < 3; i += 1) {
    t.regex(await codeOf(t, hypervisor.resolve('dead', '7', farOff())), /^NODE_UNREACHABLE.*ENOENT/);
  }
  t.is(lines.length, 1, 'it is said once');
});

test('a node that takes the call and says nothing is unreachable at the deadline', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  fake.addDomain({ name: '7' });
  fake.faults.inject('domainLookupByName', { kind: 'no-answer' }, 2);
  t.regex(await codeOf(t, hypervisor.resolve('n', '7', inMs(2000))), /^NODE_UNREACHABLE/);
});

test('a node that takes the connection and says nothing is unreachable before the deadline', async t => {
  const { fake, hypervisor } = await fakeNode(t, { connectMs: 300 });
  fake.faults.deaf = true;
  t.regex(await codeOf(t, hypervisor.resolve('n', '7', farOff())), /^NODE_UNREACHABLE/);
});

test('live disks are those of the live domain, by UUID or by name, and undefined where none runs', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  const spec = diskSpec();
  fake.addDomain({ name: 'one-7', disks: [diskElement(spec)] });
  const named = hypervisor.vm('n', '7');
  const { vm } = await hypervisor.resolve('n', '7', farOff());
  t.deepEqual(await hypervisor.liveDisks(named, farOff()), [spec.disk]);
  t.deepEqual(await hypervisor.liveDisks(vm, farOff()), [spec.disk]);
  fake.destroy('one-7');
  t.is(await hypervisor.liveDisks(named, farOff()), undefined);
  t.is(await hypervisor.liveDisks(vm, farOff()), undefined);
  await fake.stop();
  t.regex(await codeOf(t, hypervisor.liveDisks(vm, farOff())), /^NODE_UNREACHABLE/);
  await fake.listen();
});
