import test, { type ExecutionContext } from 'ava';
import type { Vm } from '../../machines/vm.ts';
import {
  STOPPED_CRASHED,
  STOPPED_FAILED,
  STOPPED_MIGRATED,
  STOPPED_SHUTDOWN,
} from '../../src/libvirt/constants.ts';
import { startFakeLibvirtd } from '../fakes/libvirtd.ts';
import { until } from '../rig/until.ts';
import { diskSpec, type FakeNode, fakeNode, farOff, hypervisorOf, never } from './helpers/fake-node.ts';

test('no node is linked before somebody asks for it', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  const key = hypervisor.nodeKey('n');
  t.true(hypervisor.isConfigured(key));
  t.deepEqual(hypervisor.linkedNodes(), []);
  hypervisor.link(key);
  t.deepEqual(hypervisor.linkedNodes(), [key]);
  await until(() => hypervisor.status()[0]?.state === 'up', 'the link');
  t.like(hypervisor.status()[0], { node: key, uri: fake.uri, error: undefined });
  t.is(hypervisor.hostOf(key), 'n');
});

test('a node that is not configured is not linked', async t => {
  const { hypervisor } = await fakeNode(t);
  hypervisor.link(hypervisor.nodeKey('other'));
  t.deepEqual(hypervisor.linkedNodes(), []);
});

test('what becomes of domains and devices is told with the node and the UUID', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  const node = hypervisor.nodeKey('n');
  const told: unknown[][] = [];
  const stop = hypervisor.watch({
    up: (...news) => told.push(['up', ...news]),
    stopped: (...news) => told.push(['stopped', ...news]),
    deviceRemoved: (...news) => told.push(['removed', ...news]),
    deviceAdded: (at, { uuid: domain, name }, alias) => told.push(['added', at, domain, name, alias]),
    started() {},
  });
  const { uuid } = fake.addDomain({ name: 'a' });
  const { vm } = await hypervisor.resolve('n', 'a', farOff());
  const spec = diskSpec();
  await hypervisor.plug(vm, spec, farOff(), never());
  await hypervisor.unplug(vm, spec.disk, farOff(), never());
  for (const detail of [STOPPED_SHUTDOWN, STOPPED_CRASHED, STOPPED_FAILED, STOPPED_MIGRATED, 77]) {
    fake.destroy('a', detail);
    fake.start('a');
  }
  fake.destroy('a');
  fake.start('a');
  fake.save('a');
  await until(() => told.length >= 9, 'the news');
  const alias = `ua-${spec.disk}`;
  t.deepEqual(told, [
    ['up', node, 1],
    ['added', node, uuid, 'a', alias],
    ['removed', node, uuid, alias],
    ['stopped', node, uuid, 'dead'],
    ['stopped', node, uuid, 'dead'],
    ['stopped', node, uuid, 'dead'],
    ['stopped', node, uuid, 'migrated'],
    ['stopped', node, uuid, 'dead'],
    ['stopped', node, uuid, 'saved'],
  ]);
  stop();
  fake.dropConnections();
  await until(() => fake.connections.made > 2 && hypervisor.status()[0]?.state === 'up', 'a new connection');
  t.is(told.length, 9);
});

test('a lost node is told once, and that it is back once', async t => {
  const { fake, hypervisor, lines } = await fakeNode(t);
  const generations: number[] = [];
  hypervisor.watch({
    up: (_, generation) => generations.push(generation),
    stopped() {},
    deviceRemoved() {},
    deviceAdded() {},
    started() {},
  });
  hypervisor.link(hypervisor.nodeKey('n'));
  await until(() => generations.length === 1, 'the link');
  await fake.stop();
  await until(() => hypervisor.status()[0]?.error?.includes('ENOENT'), 'an attempt that fails');
  await fake.listen();
  await until(() => generations.length === 2, 'the node to be back');
  t.true((generations[1] ?? 0) > (generations[0] ?? 0));
  t.deepEqual(
    lines.map(({ level, sentence }) => `${level}: ${sentence}`),
    ['info: node n is linked', 'warn: node n is lost; reconnecting', 'info: node n is linked'],
  );
});

/** A hypervisor whose nodes are all under the wildcard, linked: `127.0.0.1` leads to the fake, `127.0.0.2` to nobody. */
async function wildNode(t: ExecutionContext): Promise<Omit<FakeNode, 'lines'> & { vm: Vm }> {
  const fake = await startFakeLibvirtd({ tcp: 0 });
  t.teardown(() => fake.stop());
  fake.addDomain({ name: 'a' });
  const uri = fake.uri.replace('127.0.0.1', '{node}');
  const { hypervisor } = hypervisorOf(t, { '*': uri }, { idleMs: 3000 });
  const linked = async () => {
    const found = await hypervisor.resolve('127.0.0.1', 'a', farOff()).catch(() => undefined);
    return fake.connections.open === 2 && found?.vm;
  };
  return { fake, hypervisor, vm: await until(linked, 'the link') };
}

test('under the wildcard, a link that nobody keeps or uses is closed; one with a disk plugged stays', async t => {
  const { fake, hypervisor, vm } = await wildNode(t);
  t.is(hypervisor.hostOf(vm.node), '127.0.0.1');
  const none = (): boolean => hypervisor.linkedNodes().length === 0 && fake.connections.open === 0;
  await until(none, 'the link to be closed');
  t.deepEqual(await hypervisor.plug(vm, diskSpec(), farOff(), never()), { kind: 'plugged' });
  await t.throwsAsync(hypervisor.resolve('127.0.0.2', 'a', farOff()));
  t.is(hypervisor.linkedNodes().length, 2);
  await until(() => hypervisor.linkedNodes().length < 2, 'the idle time to pass');
  t.deepEqual(hypervisor.linkedNodes(), [vm.node]);
  t.is(fake.connections.open, 2);
});

test('under the wildcard, a link that is used stays', async t => {
  const { fake, hypervisor, vm } = await wildNode(t);
  const { made } = fake.connections;
  await t.throwsAsync(hypervisor.resolve('127.0.0.2', 'a', farOff()));
  await until(async () => {
    await hypervisor.resolve('127.0.0.1', 'a', farOff());
    return hypervisor.linkedNodes().length === 1;
  }, 'the idle time to pass');
  t.deepEqual(hypervisor.linkedNodes(), [vm.node]);
  t.is(fake.connections.made, made);
});

test('after the end nothing is left open, and nothing is linked again', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  fake.addDomain({ name: 'a' });
  await hypervisor.resolve('n', 'a', farOff());
  await hypervisor.close();
  await until(() => fake.connections.open === 0, 'the connections to end');
  await t.throwsAsync(hypervisor.resolve('n', 'a', farOff()), { message: /stopping/ });
});
