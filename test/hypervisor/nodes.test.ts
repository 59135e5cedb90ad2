import test from 'ava';
import { configuredNodes } from '../../src/hypervisor/nodes.ts';

const nodes = configuredNodes(
  new Map([
    ['localhost', 'qemu:///system'],
    ['onehost-1', 'qemu:///system'],
    ['Onehost-2.Example', 'qemu+tcp://onehost-2.example:16509/system'],
    ['*', 'qemu+tcp://{node}/system'],
  ]),
);
const plain = configuredNodes(new Map([['a', 'qemu:///system']]));

test('two names with one libvirt URI are one node, known by the first name', t => {
  t.is(nodes.keyOf('localhost'), nodes.keyOf('onehost-1'));
  t.is(nodes.hostOf(nodes.keyOf('onehost-1')), 'localhost');
});

test('names are compared in lower case and without a final dot', t => {
  t.is(nodes.keyOf('ONEHOST-2.example.'), nodes.keyOf('onehost-2.example'));
  t.is(nodes.node(nodes.keyOf('ONEHOST-2.example.'))?.host, 'onehost-2.example');
});

test('a node under the wildcard is found by its key alone', t => {
  const key = nodes.keyOf('Other.Example');
  t.is(nodes.node(key)?.uri, 'qemu+tcp://other.example/system');
  t.is(nodes.hostOf(key), 'other.example');
  t.is(nodes.hostOf(nodes.keyOf('kvm_01')), 'kvm_01');
  t.is(nodes.node(nodes.keyOf('kvm_01'))?.uri, 'qemu+tcp://kvm_01/system');
});

test('a name and the wildcard with one libvirt URI are one node', t => {
  const both = configuredNodes(
    new Map([
      ['first', 'qemu+tcp://h/system'],
      ['*', 'qemu+tcp://{node}:16509/system'],
    ]),
  );
  t.is(both.keyOf('h'), both.keyOf('first'));
  t.is(both.hostOf(both.keyOf('h')), 'first');
});

for (const name of [
  '',
  '-x',
  'a b',
  'a/b',
  'h?socket=/tmp/x',
  'u@h',
  'h:22',
  `${'a'.repeat(64)}.b`,
  'a..b',
]) {
  test(`'${name}' is no host name: the wildcard does not match it`, t => {
    const key = nodes.keyOf(name);
    t.is(key, `host:${name}`);
    t.is(nodes.node(key), undefined);
    t.is(nodes.hostOf(key), name);
  });
}

test('without a wildcard, an unknown node has its own key and is not configured', t => {
  t.is(plain.keyOf('B.'), 'host:b');
  t.is(plain.node('host:b'), undefined);
  t.is(plain.hostOf('host:b'), 'b');
});

test('an unsupported URI, or a wildcard without {node}, is refused at once', t => {
  t.throws(() => configuredNodes(new Map([['a', 'qemu+carrier-pigeon://x/system']])), { message: /carrier/ });
  t.throws(() => configuredNodes(new Map([['*', 'qemu:///system']])), { message: /\{node\}/ });
});
