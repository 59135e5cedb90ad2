import test, { type ExecutionContext } from 'ava';
import type { Vm } from '../../machines/vm.ts';
import type { DomainName, NodeWatcher } from '../../src/hypervisor/hypervisor.ts';
import { STOPPED_CRASHED, STOPPED_MIGRATED, STOPPED_SHUTDOWN } from '../../src/libvirt/constants.ts';
import { EVENT } from '../../testkit/fakes/libvirtd/lifecycle.ts';
import { startFakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { until } from '../../testkit/until.ts';
import {
  ANYWHERE,
  diskSpec,
  type FakeNode,
  fakeLibvirtd,
  fakeNode,
  farOff,
  hypervisorOf,
  never,
  pluggedInto,
  watcher,
} from './support/fake-node.ts';

test('a node is linked only when it is needed', async t => {
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

const [, REVERTED] = EVENT.stoppedFromSnapshot;

/** A watcher that appends every event to `told`. */
function scribe(told: unknown[][]): NodeWatcher {
  const write =
    (kind: string) =>
    (node: string, { uuid, name }: DomainName, ...more: unknown[]) => {
      told.push([kind, node, uuid, name, ...more]);
    };
  return {
    up: (...news) => told.push(['up', ...news]),
    running: write('running'),
    left: write('left'),
    ended: write('ended'),
    changed: write('changed'),
    deviceRemoved: write('removed'),
    deviceAdded: write('added'),
  };
}

test('events of domains and devices carry the node, the UUID and the name', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  const node = hypervisor.nodeKey('n');
  const told: unknown[][] = [];
  const stop = hypervisor.watch(scribe(told));
  const { uuid } = fake.addDomain({ name: 'a' });
  const { vm } = await hypervisor.resolve('n', 'a', farOff());
  const spec = diskSpec();
  await hypervisor.plug(vm, spec, farOff(), never());
  await hypervisor.unplug(vm, spec.disk, { ...ANYWHERE, source: spec.source.path }, farOff(), never());
  for (const detail of [STOPPED_SHUTDOWN, STOPPED_CRASHED, STOPPED_MIGRATED, REVERTED, 77]) {
    fake.destroy('a', detail);
    fake.start('a');
  }
  fake.kill('a');
  fake.start('a');
  fake.destroy('a');
  fake.start('a');
  fake.suspend('a');
  fake.resume('a');
  fake.save('a');
  await until(() => told.some(([kind, ...news]) => kind === 'left' && news.includes('saved')), 'the news');
  const [domain, alias] = [[node, uuid, 'a'], `ua-${spec.disk}`];
  /** libvirt sends two events when a run begins. */
  const begun = Array.from({ length: 2 }, () => ['running', ...domain]);
  t.deepEqual(told, [
    ['up', node, 1],
    ['added', ...domain, alias],
    ['removed', ...domain, alias],
    ['ended', ...domain, 'shutdown', 1],
    ...begun,
    ['ended', ...domain, 'crashed', 2],
    ...begun,
    ['left', ...domain, 'migrated'],
    ...begun,
    ['changed', ...domain],
    ...begun,
    ['changed', ...domain],
    ...begun,
    ['ended', ...domain, 'failed', 6],
    ...begun,
    ['ended', ...domain, 'destroyed', 7],
    ...begun,
    ['running', ...domain],
    ['left', ...domain, 'saved'],
  ]);
  stop();
  const { length } = told;
  const { made } = fake.connections;
  fake.dropConnections();
  await until(
    () => fake.connections.made >= made + 2 && hypervisor.status()[0]?.state === 'up',
    'a new link',
  );
  t.is(told.length, length);
});

test('an end is watched only if the run was seen on the same connection', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  const node = hypervisor.nodeKey('n');
  const ends: unknown[][] = [];
  const ups: number[] = [];
  hypervisor.watch(
    watcher({
      up: (_, generation) => ups.push(generation),
      ended: (_, { name }, how, watched) => ends.push([name, how, watched]),
    }),
  );
  const uuids = ['seen', 'unseen', 'before'].map(name => fake.addDomain({ name }).uuid);
  hypervisor.link(node);
  await until(() => ups.length === 1, 'the link');
  t.like(await hypervisor.look(node, uuids[2] ?? '', farOff()), { kind: 'running' });
  fake.dropConnections();
  await until(() => ups.length === 2, 'a new connection');
  t.like(await hypervisor.look(node, uuids[0] ?? '', farOff()), { kind: 'running' });
  for (const name of ['seen', 'unseen', 'before']) fake.destroy(name);
  // libvirt sends a second end for a start that fails afterwards.
  fake.emit({
    type: 'lifecycle',
    domain: { name: 'seen', uuid: uuids[0] ?? '', id: -1 },
    event: 5,
    detail: 5,
  });
  await until(() => ends.length === 4, 'the news');
  t.deepEqual(ends, [
    ['seen', 'destroyed', 1],
    ['unseen', 'destroyed', null],
    ['before', 'destroyed', null],
    ['seen', 'failed', null],
  ]);
});

test('both hosts report a migration: the incoming copy does not run, and its end was not watched', async t => {
  const [from, to] = [await fakeLibvirtd(t), await fakeLibvirtd(t)];
  const { hypervisor } = hypervisorOf(t, { from: from.uri, to: to.uri });
  const told: unknown[][] = [];
  const keys = ['from', 'to'].map(hypervisor.nodeKey);
  hypervisor.watch({ ...scribe(told), up: () => undefined });
  const { uuid } = from.addDomain({ name: 'a' });
  for (const key of keys) hypervisor.link(key);
  await until(() => hypervisor.status().every(({ state }) => state === 'up'), 'both nodes');
  t.like(await hypervisor.look(keys[0] ?? '', uuid, farOff()), { kind: 'running' });
  const news = (key: string | undefined): unknown[] =>
    told.filter(([, node]) => node === key).map(([kind, , , , ...more]) => [kind, ...more]);

  const failing = from.migrate('a', to);
  failing.to('copying');
  t.is((await hypervisor.look(keys[1] ?? '', uuid, farOff())).kind, 'moving');
  failing.to('switching');
  failing.fail('incoming-destroyed');
  await until(() => told.length === 4, 'the news');
  t.deepEqual(news(keys[0]), [['left', 'switching'], ['running']]);
  t.deepEqual(news(keys[1]), [['changed'], ['ended', 'destroyed', null]]);

  told.length = 0;
  from.migrate('a', to).to('over');
  await until(() => told.length === 4, 'the news');
  t.deepEqual(news(keys[0]), [
    ['left', 'switching'],
    ['left', 'migrated'],
  ]);
  t.deepEqual(news(keys[1]), [['changed'], ['running']]);
  told.length = 0;
  to.kill('a');
  await until(() => told.length === 1, 'the news');
  t.deepEqual(news(keys[1]), [['ended', 'failed', 2]], 'the run was seen by the event of its arrival');
});

test('the loss of a node and its return are logged once each', async t => {
  const { fake, hypervisor, lines } = await fakeNode(t);
  const generations: number[] = [];
  hypervisor.watch(watcher({ up: (_, generation) => generations.push(generation) }));
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

/** A hypervisor with the wildcard only: 127.0.0.1 is the fake and linked, 127.0.0.2 leads nowhere. */
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

test('under the wildcard, an idle link is closed; a link over which a disk was plugged stays', async t => {
  const { fake, hypervisor, vm } = await wildNode(t);
  t.is(hypervisor.hostOf(vm.node), '127.0.0.1');
  const none = (): boolean => hypervisor.linkedNodes().length === 0 && fake.connections.open === 0;
  await until(none, 'the link to be closed');
  t.deepEqual(await hypervisor.plug(vm, diskSpec(), farOff(), never()), pluggedInto({ fake }));
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

test('after close no connection is open, and no node is linked again', async t => {
  const { fake, hypervisor } = await fakeNode(t);
  fake.addDomain({ name: 'a' });
  await hypervisor.resolve('n', 'a', farOff());
  await hypervisor.close();
  await until(() => fake.connections.open === 0, 'the connections to end');
  await t.throwsAsync(hypervisor.resolve('n', 'a', farOff()), { message: /stopping/ });
});
