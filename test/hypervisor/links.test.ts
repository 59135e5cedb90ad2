import test, { type ExecutionContext } from 'ava';
import {
  STOPPED_CRASHED,
  STOPPED_FAILED,
  STOPPED_MIGRATED,
  STOPPED_SHUTDOWN,
} from '../../src/libvirt/constants.ts';
import { startFakeLibvirtd } from '../fakes/libvirtd.ts';
import { until } from '../rig/until.ts';
import { diskSpec, type FakeNode, fakeNode, hypervisorOf, inMs, never } from './helpers/fake-node.ts';

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
    deviceAdded: (...news) => told.push(['added', ...news]),
  });
  const { uuid } = fake.addDomain({ name: 'a' });
  const { vm } = await hypervisor.resolve('n', 'a', inMs(3000));
  const spec = diskSpec();
  await hypervisor.plug(vm, spec, inMs(3000), never());
  await hypervisor.unplug(vm, spec.disk, inMs(3000), never());
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
    ['added', node, uuid, alias],
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

/** A hypervisor whose nodes are all under the wildcard: `127.0.0.1` leads to the fake. */
async function wildNode(t: ExecutionContext, idleMs: number): Promise<Omit<FakeNode, 'lines'>> {
  const fake = await startFakeLibvirtd({ tcp: 0 });
  t.teardown(() => fake.stop());
  fake.addDomain({ name: 'a' });
  const uri = fake.uri.replace('127.0.0.1', '{node}');
  return { fake, hypervisor: hypervisorOf(t, { '*': uri }, { idleMs, connectMs: 3000 }).hypervisor };
}

test('under the wildcard, a link that nobody keeps or uses is closed; one with a disk plugged stays', async t => {
  const { fake, hypervisor } = await wildNode(t, 300);
  const { vm } = await hypervisor.resolve('127.0.0.1', 'a', inMs(3000));
  t.is(hypervisor.hostOf(vm.node), '127.0.0.1');
  const none = (): boolean => hypervisor.linkedNodes().length === 0 && fake.connections.open === 0;
  await until(none, 'the link to be closed');
  t.deepEqual(await hypervisor.plug(vm, diskSpec(), inMs(3000), never()), { kind: 'plugged' });
  const since = Date.now();
  await until(() => Date.now() - since > 700, 'the idle time to pass');
  t.is(hypervisor.linkedNodes().length, 1);
  t.is(fake.connections.open, 2);
});

test('under the wildcard, a link that is used stays', async t => {
  const { fake, hypervisor } = await wildNode(t, 500);
  const since = Date.now();
  await until(async () => {
    await hypervisor.resolve('127.0.0.1', 'a', inMs(3000));
    return Date.now() - since > 1200;
  }, 'more than the idle time to pass');
  t.is(fake.connections.made, 2);
});

test('after the end nothing is left open, and nothing is linked again', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  fake.addDomain({ name: 'a' });
  await hypervisor.resolve('n', 'a', inMs(3000));
  await hypervisor.close();
  await until(() => fake.connections.open === 0, 'the connections to end');
  await t.throwsAsync(hypervisor.resolve('n', 'a', inMs(3000)), { message: /stopping/ });
});
