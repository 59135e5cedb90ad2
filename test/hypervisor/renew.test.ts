import test from 'ava';
import { configuredNodes, type Nodes } from '../../src/hypervisor/nodes.ts';
import { until } from '../../testkit/until.ts';
import { fakeLibvirtd, hypervisorOf, watcher } from './support/fake-node.ts';

const [U1, U2, U3] = ['qemu+tls://h1/system', 'qemu+ssh://root@h2/system', 'qemu+tls://h3/system'];
const nodesOf = (setting: Record<string, string>): Nodes => configuredNodes(new Map(Object.entries(setting)));
const renew = (nodes: Nodes, setting: Record<string, string>) =>
  nodes.renew(new Map(Object.entries(setting)));
const NOTHING = { added: [], moved: [], removed: [], refused: [] };

test('a node that gets another URI keeps its key and its names', t => {
  const nodes = nodesOf({ a: U1, 'a.example': U1, b: U2 });
  const key = nodes.keyOf('a');
  t.deepEqual(renew(nodes, { a: U3, 'a.example': U3, b: U2 }), { ...NOTHING, moved: [key] });
  t.is(nodes.node(key)?.uri, U3);
  t.deepEqual([nodes.keyOf('a'), nodes.keyOf('A.example.')], [key, key]);
  t.deepEqual(nodes.namesOf(key), ['a', 'a.example']);
});

test('a new node has the key under which its name was known before', t => {
  const nodes = nodesOf({ a: U1 });
  const before = nodes.keyOf('b');
  t.deepEqual(renew(nodes, { a: U1, b: U2 }), { ...NOTHING, added: [before] });
  t.is(nodes.keyOf('b'), before);
  t.is(nodes.node(before)?.uri, U2);
  t.deepEqual(nodes.named(), [nodes.keyOf('a'), before]);
});

test('a new name for the URI of a node is a name of that node', t => {
  const nodes = nodesOf({ a: U1 });
  t.deepEqual(renew(nodes, { b: U1, a: U1 }), NOTHING);
  t.is(nodes.keyOf('b'), nodes.keyOf('a'));
});

test('a node that is taken out keeps its key and name, is not configured, and comes back under the same key', t => {
  const nodes = nodesOf({ a: U1, b: U2 });
  const key = nodes.keyOf('a');
  t.deepEqual(renew(nodes, { b: U2 }), { ...NOTHING, removed: [key] });
  t.is(nodes.node(key), undefined);
  t.deepEqual([nodes.keyOf('a'), nodes.hostOf(key), nodes.namesOf(key)], [key, 'a', ['a']]);
  t.deepEqual(renew(nodes, { a: U3, b: U2 }), { ...NOTHING, added: [key] });
  t.is(nodes.node(key)?.uri, U3);
});

test('names of one node are not told apart, and two nodes are not joined, until a restart', t => {
  const one = nodesOf({ a: U1, b: U1 });
  const split = renew(one, { a: U2, b: U1 });
  t.like(split, { ...NOTHING, refused: split.refused });
  t.regex(split.refused.join(), /^node a stays as it is until a restart/);
  t.is(one.node(one.keyOf('a'))?.uri, U1);

  const two = nodesOf({ a: U1, b: U2 });
  const joined = renew(two, { a: U1, b: U1 });
  t.like(joined, { added: [], moved: [], removed: [] });
  t.regex(joined.refused.join(), /^node b stays as it is until a restart/);
  t.is(two.node(two.keyOf('b'))?.uri, U2);
});

test('one of several names that is taken out means the node until a restart', t => {
  const nodes = nodesOf({ a: U1, b: U1 });
  const renewal = renew(nodes, { a: U1 });
  t.regex(renewal.refused.join(), /^node b stays as it is/);
  t.is(nodes.keyOf('b'), nodes.keyOf('a'));
});

test('the URI of all other nodes is not changed until a restart, and no node takes a key that it leads to', t => {
  const nodes = nodesOf({ h1: 'qemu+tls://h1/system', '*': 'qemu+tls://{node}/system' });
  const other = renew(nodes, { h1: U1, '*': 'qemu+ssh://{node}/system' });
  t.deepEqual(other, { ...NOTHING, refused: ["the URI of '*' stays as it is until a restart"] });
  const moved = renew(nodes, { h1: U2, '*': 'qemu+tls://{node}/system' });
  t.regex(moved.refused.join(), /^node h1 stays as it is/);
  t.is(nodes.node(nodes.keyOf('h1'))?.uri, U1);
});

test('a node that is taken out and matches the wildcard is reached by that, under its key', t => {
  const nodes = nodesOf({ a: U3, '*': 'qemu+tls://{node}/system' });
  const key = nodes.keyOf('a');
  t.deepEqual(renew(nodes, { '*': 'qemu+tls://{node}/system' }), { ...NOTHING, moved: [key] });
  t.like(nodes.node(key), { key, uri: 'qemu+tls://a/system', named: false });
});

test('a setting with a URI that cannot be used changes nothing', t => {
  const nodes = nodesOf({ a: U1 });
  t.throws(() => renew(nodes, { a: U2, b: 'qemu+ext://x/system' }), { name: 'Unsupported' });
  t.is(nodes.node(nodes.keyOf('a'))?.uri, U1);
});

test('renewed nodes are linked: the link to an old URI ends, and what it still hears is not told', async t => {
  const [first, second, third] = [await fakeLibvirtd(t), await fakeLibvirtd(t), await fakeLibvirtd(t)];
  const { hypervisor } = hypervisorOf(t, { a: first.uri, gone: third.uri });
  const [a, gone] = [hypervisor.nodeKey('a'), hypervisor.nodeKey('gone')];
  const ups: string[] = [];
  const changed: string[] = [];
  hypervisor.watch({
    ...watcher({ up: node => ups.push(node) }),
    running: (_, { name }) => changed.push(name),
  });
  for (const key of [a, gone]) hypervisor.link(key);
  await until(() => ups.length === 2, 'both links');
  const changes = hypervisor.renewNodes(new Map(Object.entries({ a: second.uri, b: third.uri })));
  t.like(changes, { added: ['b'], moved: ['a'], removed: ['gone'], refused: [] });
  first.addDomain({ name: 'on-first' });
  first.suspend('on-first');
  first.resume('on-first');
  await until(() => ups.length === 4, 'the new links');
  t.deepEqual(new Set(ups.slice(2)), new Set([a, hypervisor.nodeKey('b')]));
  await until(() => first.connections.open === 0, 'the end of the old link');
  second.addDomain({ name: 'on-second' });
  second.suspend('on-second');
  second.resume('on-second');
  await until(() => changed.includes('on-second'), 'an event of the new link');
  t.deepEqual(new Set(changed), new Set(['on-second']));
  t.false(hypervisor.isConfigured(gone));
  t.deepEqual(new Set(hypervisor.linkedNodes()), new Set([a, hypervisor.nodeKey('b')]));
});
