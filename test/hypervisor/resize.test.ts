import test from 'ava';
import { diskSpec, fakeLibvirtd, fakeNode, farOff, inMs, near, never } from './support/fake-node.ts';

const BYTES = 3 * 2 ** 30;

const resizes = (calls: readonly { procedure: string }[]): number =>
  calls.filter(({ procedure }) => procedure === 'domainBlockResize').length;

test('a running VM that has the disk is told its size', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  fake.addDomain({ name: 'a' });
  const { vm } = await hypervisor.resolve('n', 'a', farOff());
  const spec = diskSpec();
  await hypervisor.plug(vm, spec, farOff(), never());
  t.deepEqual(await hypervisor.resize(vm, spec.disk, BYTES, farOff(), never()), { kind: 'done' });
  t.is(resizes(fake.calls), 1);
});

test('a VM without the disk and a VM that does not exist need not be told', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  fake.addDomain({ name: 'a' });
  const { vm } = await hypervisor.resolve('n', 'a', farOff());
  const { disk } = diskSpec();
  t.deepEqual(await hypervisor.resize(vm, disk, BYTES, farOff(), never()), { kind: 'done' });
  const nobody = hypervisor.vm('n', 'nobody');
  t.deepEqual(await hypervisor.resize(nobody, disk, BYTES, farOff(), never()), { kind: 'done' });
  t.is(resizes(fake.calls), 0);
});

test('a VM that is known by its name only is told, too', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  fake.addDomain({ name: 'a' });
  const { vm } = await hypervisor.resolve('n', 'a', farOff());
  const spec = diskSpec();
  await hypervisor.plug(vm, spec, farOff(), never());
  const registered = hypervisor.vm('n', 'a');
  t.is(registered.domain, null);
  t.deepEqual(await hypervisor.resize(registered, spec.disk, BYTES, farOff(), never()), { kind: 'done' });
  t.is(resizes(fake.calls), 1);
});

test('the call is repeated if its answer is lost', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  fake.addDomain({ name: 'a' });
  const { vm } = await hypervisor.resolve('n', 'a', farOff());
  const spec = diskSpec();
  await hypervisor.plug(vm, spec, farOff(), never());
  fake.faults.inject('domainBlockResize', { kind: 'drop-after' });
  t.deepEqual(await hypervisor.resize(vm, spec.disk, BYTES, farOff(), never()), { kind: 'done' });
  t.is(resizes(fake.calls), 2);
});

test('if the node does not answer, the resize is pending', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  fake.addDomain({ name: 'a' });
  const { vm } = await hypervisor.resolve('n', 'a', farOff());
  const spec = diskSpec();
  await hypervisor.plug(vm, spec, farOff(), never());
  await fake.stop();
  const outcome = await hypervisor.resize(vm, spec.disk, BYTES, near(), never());
  t.is(outcome.kind, 'pending');
});

test('during a backup or a block copy the resize is pending, with that reason', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  fake.addDomain({ name: 'a' });
  const { vm } = await hypervisor.resolve('n', 'a', farOff());
  const spec = diskSpec();
  await hypervisor.plug(vm, spec, farOff(), never());
  const message = "internal error: unable to execute QEMU command 'block_resize': Device '(null)' is in use";
  fake.faults.inject('domainBlockResize', { kind: 'refuse', code: 1, message });
  t.deepEqual(await hypervisor.resize(vm, spec.disk, BYTES, farOff(), never()), {
    kind: 'pending',
    detail: `a backup or block copy is at work: ${message}`,
  });
});

test('if a VM migrates or has migrated, the resize is pending', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  const to = await fakeLibvirtd(t);
  fake.addDomain({ name: 'a', persistent: false });
  const { vm } = await hypervisor.resolve('n', 'a', farOff());
  const spec = diskSpec();
  await hypervisor.plug(vm, spec, farOff(), never());
  const migration = fake.migrate('a', to);
  migration.to('switching');
  const resize = () => hypervisor.resize(vm, spec.disk, BYTES, inMs(1000), never());
  t.is((await resize()).kind, 'pending');
  migration.to('over');
  t.is((await resize()).kind, 'pending');
  t.is(resizes(fake.calls), 0);
});

test('a VM that is shut off need not be told: it reads the size when it starts', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  fake.addDomain({ name: 'a' });
  const { vm } = await hypervisor.resolve('n', 'a', farOff());
  const spec = diskSpec();
  await hypervisor.plug(vm, spec, farOff(), never());
  for (const end of ['save', 'destroy'] as const) {
    fake[end]('a');
    t.deepEqual(await hypervisor.resize(vm, spec.disk, BYTES, farOff(), never()), { kind: 'done' });
    fake.start('a');
  }
  t.is(resizes(fake.calls), 0);
});
