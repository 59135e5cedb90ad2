import { randomUUID } from 'node:crypto';
import test from 'ava';
import type { VmLocation } from '../../machines/vm-location.ts';
import { NOWHERE } from '../../src/disks/vms/vm-locator.ts';
import { diskElement } from '../../src/hypervisor/disk-xml.ts';
import { gate } from '../../testkit/latch.ts';
import { until } from '../../testkit/until.ts';
import { diskSpec } from '../hypervisor/support/fake-node.ts';
import { createField, type Field, listings, NOBODY } from './support/vm-locator.ts';

const silenceOf = (found: VmLocation): readonly string[] => {
  if (found.at !== 'nowhere') throw new Error(`it is ${found.at}`);
  return found.silent;
};

/** What is found of a VM that runs on a node. */
const runsOn = ({ key, n1, n2 }: Field, node: 'n1' | 'n2', name = 'a') => {
  const fake = { n1, n2 }[node];
  const run = { host: fake.hostUuid, id: fake.domain(name).id };
  return { at: 'running' as const, vm: { node: key(node), host: node }, run };
};

test('nine calls for a list at once cost two lists', async t => {
  const { n1, locator, key } = await createField(t);
  n1.addDomain({ name: 'a' });
  const lists = await Promise.all(Array.from({ length: 9 }, () => locator.listDomains(key('n1'))));
  t.is(listings(n1), 2);
  for (const { domains } of lists) t.like(domains[0], { name: 'a', active: true });
});

test('nine VMs that are looked up at once cost two lists of their node, and none of the others', async t => {
  const { n1, n2, locator, vm } = await createField(t);
  const uuids = Array.from({ length: 9 }, (_, index) => n1.addDomain({ name: `${index}` }).uuid);
  const found = await Promise.all(uuids.map(uuid => locator.find(vm('n1', uuid))));
  t.deepEqual(
    found.map(({ at }) => at),
    Array.from({ length: 9 }, () => 'running'),
  );
  t.is(listings(n1), 2);
  t.is(listings(n2), 0);
});

test('a VM on its own node is found there with its run and its disks; other nodes are not asked', async t => {
  const field = await createField(t);
  const { n1, n2, locator, vm } = field;
  const spec = diskSpec();
  const { uuid } = n1.addDomain({ name: 'a', disks: [diskElement(spec)] });
  const found = await locator.find(vm('n1', uuid));
  t.like(found, { ...runsOn(field, 'n1'), disks: [spec.disk] });
  n1.save('a');
  t.deepEqual(await locator.find(vm('n1', uuid)), { at: 'saved' });
  t.is(n2.calls.length, 0);
});

test('a VM is followed through a migration', async t => {
  const field = await createField(t);
  const { n1, n2, locator, vm, key } = field;
  const { uuid } = n1.addDomain({ name: 'a' });
  const find = () => locator.find(vm('n1', uuid));
  const migration = n1.migrate('a', n2);
  migration.to('copying');
  t.like(await find(), runsOn(field, 'n1'), 'its own node first, for two show it');
  migration.to('switching');
  t.deepEqual(await find(), { at: 'moving', node: key('n1') });
  t.deepEqual(await locator.find(vm('n2', uuid)), { at: 'moving', node: key('n2') });
  migration.to('over');
  t.like(await find(), runsOn(field, 'n2'));
});

test('an incoming copy is found on another node, where its own node has lost the VM', async t => {
  const { n1, n2, locator, vm, key } = await createField(t);
  const { uuid } = n1.addDomain({ name: 'a', persistent: false });
  const migration = n1.migrate('a', n2);
  migration.to('switching');
  n1.domain('a').state = 5;
  n1.domain('a').id = -1;
  t.deepEqual(await locator.find(vm('n1', uuid)), { at: 'moving', node: key('n2') });
});

test('a VM that no host shows is nowhere, with the end that its own node reports', async t => {
  const { n1, hypervisor, locator, vm, key, linked } = await createField(t);
  const { uuid, id } = n1.addDomain({ name: 'a' });
  await linked('n1', 'n2');
  t.is((await locator.find(vm('n1', uuid))).at, 'running');
  n1.destroy('a');
  await until(() => hypervisor.lastEnd(key('n1'), uuid) === id, 'the end to be seen');
  const end = { how: 'destroyed', node: key('n1'), host: n1.hostUuid, watched: null } as const;
  t.deepEqual(await locator.find(vm('n1', uuid)), { ...NOWHERE, end, over: true });
  t.deepEqual(await locator.find(vm('n2', uuid)), NOWHERE, 'not of others');
  t.deepEqual(await locator.find(vm('n1', randomUUID())), NOWHERE);
  const seen = { ...end, watched: id };
  t.deepEqual(await locator.find(vm('n1', uuid), { end: seen }), { ...NOWHERE, end: seen, over: true });
  const earlier = { ...end, watched: id - 1 };
  t.deepEqual(await locator.find(vm('n1', uuid), { end: earlier }), { ...NOWHERE, end, over: true });
  n1.start('a');
  t.is((await locator.find(vm('n1', uuid), { end: seen })).at, 'running');
});

test('a VM that moves during the search, from a host not asked yet to one already asked, is found', async t => {
  const field = await createField(t);
  const { n1, n2, locator, vm } = field;
  const { uuid } = n2.addDomain({ name: 'a', persistent: false });
  const { opened, open } = gate();
  n2.faults.inject('connectListAllDomains', { kind: 'delay', until: opened });
  const finding = locator.find(vm('n1', uuid));
  await until(() => listings(n1) === 1, 'the first list');
  n2.destroy('a');
  n1.addDomain({ name: 'a', uuid });
  open();
  t.like(await finding, runsOn(field, 'n1'));
});

test('hosts that do not answer are named, each once, unless the VM is found on another', async t => {
  const field = await createField(t, { more: { n3: NOBODY } });
  const { n1, n2, locator, vm } = field;
  const { uuid } = n1.addDomain({ name: 'a', persistent: false });
  await n2.stop();
  t.is((await locator.find(vm('n1', uuid))).at, 'running');
  n1.destroy('a');
  const silent = silenceOf(await locator.find(vm('n1', uuid)));
  t.deepEqual(silent.map(text => /node '(n\d)' cannot be reached/.exec(text)?.[1]).sort(), ['n2', 'n3']);
  await n2.listen();
  n2.addDomain({ name: 'a', uuid });
  t.like(await locator.find(vm('n3', uuid)), runsOn(field, 'n2'), 'its own node is silent');
});

test('one host that is known as two nodes answers for both, and only then', async t => {
  const more = { n3: NOBODY };
  const { locator, vm } = await createField(t, { more, known: n1 => ({ n3: n1.hostUuid }) });
  t.deepEqual(silenceOf(await locator.find(vm('n1', randomUUID()))), []);
  t.deepEqual(silenceOf(await locator.find(vm('n3', randomUUID()))), [], 'its own');

  const other = await createField(t, { more, known: () => ({ n3: randomUUID() }) });
  t.is(silenceOf(await other.locator.find(other.vm('n1', randomUUID()))).length, 1);
});

test('a host that was met once, and is no longer configured, could have the VM', async t => {
  const { locator, vm } = await createField(t, { known: () => ({ gone: randomUUID() }) });
  const silent = silenceOf(await locator.find(vm('n1', randomUUID())));
  t.is(silent.length, 1);
  t.regex(silent[0] ?? '', /'gone'/);
});

test('a node that was declared dead is not asked, and does not count as silent', async t => {
  const field = await createField(t, { more: { n3: NOBODY } });
  const { n1, n2, hosts, locator, vm, key } = field;
  const declaration = { by: 'admin', reason: 'burnt', since: 1 };
  for (const node of ['n1', 'n3']) await hosts.declare(key(node), declaration, []);
  const { uuid } = n1.addDomain({ name: 'a' });
  t.deepEqual(await locator.find(vm('n1', uuid)), NOWHERE);
  t.is(n1.calls.length, 0);
  n2.addDomain({ name: 'a', uuid });
  t.like(await locator.find(vm('n1', uuid)), runsOn(field, 'n2'));
});

test('a host other than the known one of a node is not trusted, whatever it shows', async t => {
  const known = () => ({ n1: 'a0000000-0000-4000-8000-000000000001' });
  const { n1, locator, alarms, vm, key } = await createField(t, { known });
  const { uuid } = n1.addDomain({ name: 'a' });
  const silent = silenceOf(await locator.find(vm('n1', uuid)));
  t.is(silent.length, 1);
  t.regex(silent[0] ?? '', /host a0000000-0000-4000-8000-000000000001 was known as n1/);
  await t.throwsAsync(locator.listDomains(key('n1')), { code: 'NODE_DOUBTED' });
  await alarms.agree(key('n1'), []);
  t.is((await locator.find(vm('n1', uuid))).at, 'running');
});

test('the host of a new node is remembered', async t => {
  const { n1, locator, hosts, key } = await createField(t);
  t.is(hosts.uuidOf('n1'), undefined);
  await locator.listDomains(key('n1'));
  t.is(hosts.uuidOf('n1'), n1.hostUuid);
});

test('a VM that a young connection does not show may exist: the node is asked again after the settling time', async t => {
  const field = await createField(t, { settlingMs: 4000 });
  const { n1, locator, vm, key } = field;
  const uuid = randomUUID();
  const end = { how: 'failed', node: key('n1'), host: n1.hostUuid, watched: 1 } as const;
  // Where an end was seen, the VM is looked up once.
  const finding = locator.find(vm('n1', uuid), { end });
  await until(() => listings(n1) === 1, 'the first list');
  n1.addDomain({ name: 'a', uuid });
  t.like(await finding, runsOn(field, 'n1'));
});

test('a VM that a young connection shows is there', async t => {
  const field = await createField(t, { settlingMs: 3_600_000 });
  const { n1, locator, vm } = field;
  const { uuid } = n1.addDomain({ name: 'a' });
  t.like(await locator.find(vm('n1', uuid)), runsOn(field, 'n1'));
});

test('a node whose connections always break early does not delay the search for ever', async t => {
  const { locator, vm } = await createField(t, {
    settlingMs: 1,
    seenBy: hypervisor => ({
      ...hypervisor,
      listDomains: async (...args) => ({ ...(await hypervisor.listDomains(...args)), ageMs: 0 }),
    }),
  });
  const silent = silenceOf(await locator.find(vm('n1', randomUUID())));
  t.deepEqual([...silent].sort(), [
    "node 'n1' has only just been linked",
    "node 'n2' has only just been linked",
  ]);
});

test('a search that does not wait counts nodes as silent that are not connected, or have only just been', async t => {
  const field = await createField(t, { settlingMs: 3_600_000 });
  const { n1, n2, locator, vm, linked } = field;
  const { uuid } = n1.addDomain({ name: 'a', persistent: false });
  const find = () => locator.find(vm('n1', uuid), { mayWait: false });
  const before = await find();
  t.deepEqual(silenceOf(before), ["node 'n1' was not asked", "node 'n2' was not asked"]);
  t.is(n1.calls.length + n2.calls.length, 0);
  await linked('n1');
  t.is((await find()).at, 'running');
  n1.destroy('a');
  t.deepEqual(silenceOf(await find()), ["node 'n1' has only just been linked", "node 'n2' was not asked"]);
});

test('a search that does not wait trusts a node that has been connected for long', async t => {
  const { locator, vm, linked } = await createField(t);
  await linked('n1', 'n2');
  t.deepEqual(silenceOf(await locator.find(vm('n1', randomUUID()), { mayWait: false })), []);
});

test('a search that waits ends with the locator, without a result', async t => {
  const { n1, locator, vm } = await createField(t, { settlingMs: 3_600_000 });
  const finding = locator.find(vm('n1', randomUUID()));
  await until(() => listings(n1) === 1, 'the first list');
  locator.stop();
  t.deepEqual(silenceOf(await finding).length, 2);
});

test('a VM that is known only by its names is looked up on its own node only', async t => {
  const field = await createField(t);
  const { n1, n2, hypervisor, locator } = field;
  const find = (node = 'n1') => locator.findNamed(hypervisor.vm(node, 'a'));
  t.deepEqual(await find(), NOWHERE);
  const [first, second] = [diskSpec(), diskSpec()];
  n1.addDomain({ name: 'one-a', disks: [diskElement(first)] });
  const running = await find();
  t.like(running, { ...runsOn(field, 'n1', 'one-a'), disks: [first.disk] });
  t.is(running.at === 'running' && running.vm.domain, n1.domain('one-a').uuid);
  n1.addDomain({ name: 'a', disks: [diskElement(second)] });
  const both = await find();
  t.deepEqual(both.at === 'running' && [...(both.disks ?? [])].sort(), [first.disk, second.disk].sort());
  n1.save('one-a');
  t.like(await find(), { ...runsOn(field, 'n1', 'a'), disks: [second.disk] });
  n1.destroy('a');
  t.deepEqual(await find(), { at: 'saved' });
  t.is(n2.calls.length, 0);
  t.deepEqual(await find('nobody'), NOWHERE);
  await n1.stop();
  t.is(silenceOf(await find()).length, 1);
  await n1.listen();
});

test('of two VMs of one name, one that runs without disks is not the one that was meant', async t => {
  const { n1, hypervisor, locator } = await createField(t);
  n1.addDomain({ name: 'one-a', disks: [diskElement(diskSpec())] });
  n1.save('one-a');
  n1.addDomain({ name: 'a' });
  t.deepEqual(await locator.findNamed(hypervisor.vm('n1', 'a')), { at: 'saved' });
});
