import { randomUUID } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import type { Vm } from '../../machines/vm.ts';
import { PdiskError } from '../../src/errors.ts';
import type { Hypervisor } from '../../src/hypervisor/hypervisor.ts';
import type { FakeLibvirtd } from '../fakes/libvirtd.ts';
import { until } from '../rig/until.ts';
import { fakeLibvirtd, fakeNode, farOff, hypervisorOf } from './helpers/fake-node.ts';

async function machine(
  t: ExecutionContext,
  apartMs = 40,
): Promise<{ fake: FakeLibvirtd; hypervisor: Hypervisor; vm: Vm }> {
  const { fake, hypervisor } = await fakeNode(t, { surveysApartMs: apartMs });
  fake.addDomain({ name: 'a' });
  return { fake, hypervisor, vm: (await hypervisor.resolve('n', 'a', farOff())).vm };
}

/** Questions of one survey. */
const LISTS = 3;
const lists = (fake: FakeLibvirtd): number =>
  fake.calls.filter(({ procedure }) => procedure === 'connectListAllDomains').length;

test('a survey names every domain: active, shut off, saved', async t => {
  const { fake, hypervisor, vm } = await machine(t);
  const off = fake.addDomain({ name: 'off', running: false });
  const saved = fake.addDomain({ name: 'saved' });
  fake.save('saved');
  const paused = fake.addDomain({ name: 'paused' });
  fake.suspend('paused');
  const survey = await hypervisor.survey(vm.node, farOff());
  t.is(survey.hostUuid, fake.hostUuid);
  const by = (uuid: string | null) => survey.domains.find(domain => domain.uuid === uuid);
  t.like(by(vm.domain), { name: 'a', active: true, saved: false });
  t.like(by(off.uuid), { active: false, saved: false });
  t.like(by(saved.uuid), { active: false, saved: true });
  t.like(by(paused.uuid), { active: true });
  t.is(survey.domains.length, 4);
  t.is((await hypervisor.survey(vm.node, farOff())).generation, survey.generation);
});

test('a new connection is a new generation, also after the node was not linked for a while', async t => {
  const { fake, hypervisor, vm } = await machine(t);
  const before = await hypervisor.survey(vm.node, farOff());
  fake.dropConnections();
  await until(() => hypervisor.status()[0]?.state !== 'up', 'the loss to be noticed');
  const after = await until(
    () => hypervisor.survey(vm.node, farOff()).catch(() => undefined),
    'a new connection',
  );
  t.true(after.generation > before.generation);
});

test('a machine is active, saved, or dead after two lists', async t => {
  const { fake, hypervisor, vm } = await machine(t);
  t.is(await hypervisor.fate(vm, farOff()), 'active');
  fake.save('a');
  t.is(await hypervisor.fate(vm, farOff()), 'saved');
  fake.start('a');
  fake.destroy('a');
  const before = lists(fake);
  t.is(await hypervisor.fate(vm, farOff()), 'dead', 'shut off, and not saved');
  t.is(lists(fake), before + 2 * LISTS);
  t.is(await hypervisor.fate({ ...vm, domain: randomUUID() }, farOff()), 'dead', 'not there');
});

test('a machine that comes back between the two lists lives', async t => {
  const { fake, hypervisor, vm } = await machine(t, 2000);
  fake.destroy('a');
  const before = lists(fake);
  const fate = hypervisor.fate(vm, farOff());
  await until(() => lists(fake) === before + LISTS, 'the first list');
  fake.start('a');
  t.is(await fate, 'active');
});

test('lists of two connections prove nothing: there must be two of one', async t => {
  const { fake, hypervisor, vm } = await machine(t, 2000);
  fake.destroy('a');
  const before = lists(fake);
  const fate = hypervisor.fate(vm, farOff());
  await until(() => lists(fake) === before + LISTS, 'the first list');
  fake.dropConnections();
  await until(() => hypervisor.status()[0]?.state === 'up' && fake.connections.open >= 1, 'a new connection');
  t.is(await fate, 'dead');
  t.is(lists(fake), before + 3 * LISTS, 'one of the old connection, two of the new');
});

test('a node that cannot tell by the deadline leaves the fate unknown', async t => {
  const { fake, hypervisor, vm } = await machine(t, 7_200_000);
  fake.destroy('a');
  t.is(await hypervisor.fate(vm, farOff()), 'unknown', 'no time for two lists');
  await fake.stop();
  t.is(await hypervisor.fate(vm, farOff()), 'unknown', 'no connection');
  t.is(await hypervisor.fate({ ...vm, node: 'host:x' }, farOff()), 'unknown', 'no such node');
  const error = await t.throwsAsync(hypervisor.survey(vm.node, farOff()), { instanceOf: PdiskError });
  t.is(error?.code, 'NODE_UNREACHABLE');
  await fake.listen();
});

test('a machine that runs on another linked node has moved there, not died', async t => {
  const [from, to] = [await fakeLibvirtd(t), await fakeLibvirtd(t)];
  const { hypervisor } = hypervisorOf(t, { from: from.uri, to: to.uri });
  const { uuid } = from.addDomain({ name: 'a' });
  const { vm } = await hypervisor.resolve('from', 'a', farOff());
  hypervisor.link(hypervisor.nodeKey('to'));
  await until(() => hypervisor.status().every(({ state }) => state === 'up'), 'both nodes');
  from.migrateAway('a');
  to.addDomain({ name: 'a', uuid });
  t.is(await hypervisor.fate(vm, farOff()), 'unknown');
  to.destroy('a');
  t.is(await hypervisor.fate(vm, farOff()), 'dead');
});
