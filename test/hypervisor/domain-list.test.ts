import test, { type ExecutionContext } from 'ava';
import { PdiskError } from '../../src/errors.ts';
import { monotonicNow } from '../../src/lib/clock.ts';
import { until } from '../../testkit/until.ts';
import { fakeNode, farOff } from './support/fake-node.ts';

async function node(t: ExecutionContext) {
  const { fake, hypervisor } = await fakeNode(t);
  const key = hypervisor.nodeKey('n');
  return { fake, hypervisor, key, listDomains: () => hypervisor.listDomains(key, farOff()) };
}

test('the list has every domain: active, shut off and saved', async t => {
  const { fake, listDomains } = await node(t);
  const running = fake.addDomain({ name: 'a' });
  const off = fake.addDomain({ name: 'off', running: false });
  const saved = fake.addDomain({ name: 'saved' });
  fake.save('saved');
  const paused = fake.addDomain({ name: 'paused' });
  fake.suspend('paused');
  const list = await listDomains();
  t.is(list.hostUuid, fake.hostUuid);
  const by = (uuid: string) => list.domains.find(domain => domain.uuid === uuid);
  t.deepEqual(by(running.uuid), { ...running, active: true, saved: false });
  t.deepEqual(by(off.uuid), { ...off, active: false, saved: false });
  t.deepEqual(by(saved.uuid), { ...saved, id: -1, active: false, saved: true });
  t.like(by(paused.uuid), { active: true, saved: false });
  t.is(list.domains.length, 4);
  t.is((await listDomains()).generation, list.generation);
});

test('a VM that is just being restored counts as saved until it is active', async t => {
  const { fake, listDomains } = await node(t);
  const { uuid } = fake.addDomain({ name: 'a' });
  await listDomains();
  fake.save('a');
  // The VM has a managed save image during the first call only.
  fake.faults.inject('connectListAllDomains', { kind: 'delay', ms: 0 });
  fake.faults.inject('connectListAllDomains', {
    kind: 'delay',
    // The getter is called when the second call arrives.
    get until() {
      fake.domain('a').saved = undefined;
      return Promise.resolve();
    },
  });
  t.like((await listDomains()).domains[0], { uuid, active: false, saved: true });
  t.like((await listDomains()).domains[0], { uuid, active: false, saved: false });
});

test('a new connection has a new generation, and its age starts at 0', async t => {
  const { fake, hypervisor, listDomains } = await node(t);
  const first = await listDomains();
  const before = await until(async () => {
    const list = await listDomains();
    return list.ageMs > first.ageMs && list;
  }, 'an older connection');
  t.is(before.generation, first.generation);
  fake.dropConnections();
  await until(() => hypervisor.status()[0]?.state !== 'up', 'the loss to be noticed');
  const lost = monotonicNow();
  const after = await until(() => listDomains().catch(() => undefined), 'a new connection');
  t.true(after.generation > before.generation);
  t.true(after.ageMs >= 0 && after.ageMs <= monotonicNow() - lost);
});

test('the list of a node that does not answer fails with NODE_UNREACHABLE', async t => {
  const { fake, hypervisor, listDomains } = await node(t);
  await fake.stop();
  const silent = await t.throwsAsync(listDomains(), { instanceOf: PdiskError });
  t.is(silent?.code, 'NODE_UNREACHABLE');
  const unknown = await t.throwsAsync(hypervisor.listDomains('host:x', farOff()), { instanceOf: PdiskError });
  t.is(unknown?.code, 'NODE_NOT_CONFIGURED');
  await fake.listen();
});
