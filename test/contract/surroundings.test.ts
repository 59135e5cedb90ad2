// What surrounds disks: VMs, nodes and the pool.
import test from 'ava';
import { until } from '../../testkit/until.ts';
import { type Site, startSite, type Who } from './support/site.ts';

let site: Site;
test.before(async () => {
  site = await startSite();
});
test.after.always(() => site?.end());

async function read(path: string, as: Who = 'alice') {
  const { text, code } = await site.ask('GET', path, { as });
  return code === 200 ? JSON.parse(text) : code;
}

test('the disks on a VM are those that the caller sees, in order of attachment', async t => {
  const [own, open, hidden] = [
    await site.create('alice'),
    await site.create('bob', 'public'),
    await site.create('bob'),
  ];
  const vm_id = site.addVm();
  const form = { node: 'n1', vm_id };
  await site.ask('POST', `/api/hotattach/${own}`, { as: 'alice', form });
  for (const uuid of [open, hidden]) await site.ask('POST', `/api/hotattach/${uuid}`, { as: 'bob', form });
  const seen = await read(`/api/vms/N1/${vm_id}`);
  t.deepEqual([seen.node, seen.vm_id], ['N1', vm_id]);
  t.like(seen.disks, {
    length: 2,
    0: { disk: own, state: 'hot-attached', mode: 'hot', target: 'vda', by: 'alice' },
    1: { disk: open, mode: 'hot', target: null, by: null },
  });
  const all = await read(`/api/vms/n1-alias.example/one-${vm_id}`, 'cloud');
  t.deepEqual(
    all.disks.map(({ disk, target }: { disk: string; target: string }) => [disk, target]),
    [
      [own, 'vda'],
      [open, 'vdb'],
      [hidden, 'vdc'],
    ],
  );
  t.is(await read(`/api/vms/n1/${vm_id}`, ''), 'UNAUTHENTICATED');
});

test('a VM without disks has none, on whatever node; an invalid name is refused', async t => {
  t.deepEqual(await read('/api/vms/unheard-of/7'), { node: 'unheard-of', vm_id: '7', disks: [] });
  t.is(await read('/api/vms/not%20a%20host/7'), 'BAD_INPUT');
  t.is(await read('/api/vms/n1/a%00b'), 'BAD_INPUT');
});

test('nodes: all of them, whether each is reachable and since when, and its versions', async t => {
  const listed = async (as: Who) => await read('/api/nodes', as);
  await until(
    async () =>
      (await listed('alice')).every(
        (one: { reachable: boolean; node: string }) => one.reachable === (one.node !== 'silent'),
      ),
    'the nodes to be linked',
  );
  const nodes = await listed('alice');
  t.deepEqual(
    nodes.map(({ node, names, reachable }: Record<string, unknown>) => [node, names, reachable]),
    [
      ['n1', ['n1', 'n1-alias.example'], true],
      ['n2', ['n2'], true],
      ['silent', ['silent'], false],
    ],
  );
  t.like(nodes[0], { libvirt: '9.0.0', qemu: '7.2.22', uri: null, error: null, alarm: null });
  t.like(nodes[2], { libvirt: null, qemu: null, error: null });
  t.true(Date.parse(nodes[0].since) <= Date.now());
  const whole = await listed('cloud');
  t.true(whole[2].error.includes('ECONNREFUSED'));
  t.true(whole[0].uri.startsWith('qemu'));
});

test('the pool: capacity, allocated and free, in GiB', async t => {
  const before = await read('/api/pool');
  await site.create('bob', 'private', 3);
  const after = await read('/api/pool');
  t.true(after.allocated >= before.allocated + 3);
  t.is(after.free, after.capacity - after.allocated);
  t.is(await read('/api/pool', ''), 'UNAUTHENTICATED');
});
