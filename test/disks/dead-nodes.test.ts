// Nodes that never come back: an administrator declares them dead.
import test from 'ava';
import { gate } from '../../testkit/latch.ts';
import { until } from '../../testkit/until.ts';
import { admin, cause, createSite, pluggedIn } from './support/site.ts';

type Site = Awaited<ReturnType<typeof createSite>>;

const NEVER_MS = 3_600_000;
const REASON = 'the host burnt down';
const frontend = { account: 'cloud', role: 'service' } as const;

const declareDead = (site: Site, node = 'n1') => site.disks.nodes.declareDead(admin, node, REASON);
const declareAlive = (site: Site, node = 'n1') => site.disks.nodes.declareAlive(admin, node);
const declarationOf = (site: Site) =>
  site.disks.nodes.list(admin).find(({ node }) => node === 'n1')?.operation?.declaredDead;

for (const wildcard of [false, true]) {
  test(`a node that burnt down ${wildcard ? 'under the wildcard ' : ''}is declared dead, and its disks are free`, async t => {
    const site = await createSite(t, {}, { wildcard });
    const [hot, cold] = [await site.create(), await site.create()];
    site.n1.addDomain({ name: 'one-1', persistent: false });
    await site.hotattach(hot, '1');
    await site.disks.service.attach(admin, cold, { node: 'n1', vmId: '1' }, cause);
    await site.n1.cut();
    await t.throwsAsync(site.hotdetach(hot, '1'), { message: /declare-dead/ });
    await t.throwsAsync(site.detach('1'), { code: 'VM_FATE_UNKNOWN', message: /declare-dead/ });
    const { released } = await declareDead(site);
    t.deepEqual(new Set(released), new Set([hot, cold]));
    t.deepEqual([site.users(hot), site.users(cold)], [0, 0]);
    const told = site.published.filter(({ type }) => type === 'disk.detached');
    t.is(told.length, 2);
    for (const { cause: why } of told)
      t.like(why, { kind: 'node-declared-dead', account: 'admin', reason: REASON });
    site.n2.addDomain({ name: 'one-2' });
    await site.hotattach(hot, '2', 'n2');
    t.deepEqual(await site.detach('1'), { uuids: [hot, cold] }, 'the frontend may still claim it');
    await site.n1.listen();
  });
}

test('when a node that was declared dead comes back, its disks are unplugged before anything else is done there', async t => {
  const site = await createSite(t, {}, { wildcard: false });
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  await site.n1.cut();
  await declareDead(site);
  t.like(declarationOf(site), { by: 'admin', reason: REASON });
  await site.restart();
  t.like(declarationOf(site), { by: 'admin', reason: REASON }, 'also after a restart');
  await site.n1.listen();
  await until(() => !pluggedIn(site.n1, 'one-1').includes(uuid), 'the disk to be unplugged');
  await site.untilUsers(uuid, 0);
  // The unplugging itself: its end may be told first by the node.
  const again = site.published.findLastIndex(({ type }) => type === 'disk.attached');
  t.like(site.published.slice(again + 1).find(({ type }) => type === 'disk.state-changed')?.cause, {
    kind: 'node-declared-dead',
    account: 'admin',
    reason: REASON,
  });
  await t.throwsAsync(site.hotattach(uuid, '1'), { code: 'NODE_DECLARED_DEAD' });
  await until(
    () =>
      declareAlive(site).then(
        () => true,
        () => undefined,
      ),
    'the node to be taken back',
  );
  t.is(declarationOf(site), null);
  await site.hotattach(uuid, '1');
  await site.hotdetach(uuid, '1');
});

test('a VM that migrates to a node that was declared dead and is back is found there, and its disk is unplugged', async t => {
  const site = await createSite(t, {}, { wildcard: false });
  const [uuid, other] = [await site.create(), await site.create()];
  site.n1.addDomain({ name: 'one-1', persistent: false });
  site.n2.addDomain({ name: 'one-9' });
  await site.hotattach(uuid, '1');
  await site.hotattach(other, '9', 'n2');
  await site.n2.cut();
  await declareDead(site, 'n2');
  await site.n2.listen();
  await site.untilUsers(other, 0);
  site.n1.migrate('one-1', site.n2).to('over');
  await until(() => !pluggedIn(site.n2, 'one-1').includes(uuid), 'the disk to be unplugged');
  await site.untilUsers(uuid, 0);
  t.deepEqual(pluggedIn(site.n2, 'one-9'), []);
});

test('a node that still has a disk plugged is not declared alive', async t => {
  const site = await createSite(t, { detachTimeoutMs: 6000 });
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1', manners: 'unwilling' });
  await site.hotattach(uuid, '1');
  await site.n1.cut();
  await declareDead(site);
  await site.n1.listen();
  await until(
    () => site.disks.nodes.list(admin).find(({ node }) => node === 'n1')?.reachable || undefined,
    'the node',
  );
  await t.throwsAsync(declareAlive(site), { code: 'NODE_STILL_HOLDS', message: new RegExp(uuid) });
  site.n1.destroy('one-1');
  await until(
    () =>
      declareAlive(site).then(
        () => true,
        () => undefined,
      ),
    'the node to be taken back',
  );
  await site.untilUsers(uuid, 0);
});

test('a node that does not answer is not declared alive: it is not known what its VMs still have', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1' });
  site.n2.addDomain({ name: 'one-2' });
  await site.hotattach(uuid, '1');
  await site.n1.cut();
  await declareDead(site);
  await t.throwsAsync(declareAlive(site), { code: 'NODE_UNREACHABLE' });
  t.like(declarationOf(site), { reason: REASON });
  await site.restart(() => site.nodes.delete('n1'));
  await t.throwsAsync(declareAlive(site), { code: 'NODE_NOT_CONFIGURED' });
});

test('a registration on a node after it was declared dead survives a restart, for when the node is back', async t => {
  const site = await createSite(t);
  const [before, after] = [await site.create(), await site.create()];
  const register = (uuid: string) => site.disks.service.attach(admin, uuid, { node: 'n1', vmId: '1' }, cause);
  await register(before);
  await site.n1.cut();
  await declareDead(site);
  await until(() => Date.now() > (declarationOf(site)?.since ?? 0), 'the clock to go on');
  await register(after);
  await site.restart();
  const old = await site.create();
  t.is(site.users(old), 0);
  t.deepEqual([site.users(before), site.users(after)], [0, 1]);
});

test('only administrators declare nodes dead, and only known nodes that are silent', async t => {
  const site = await createSite(t);
  await t.throwsAsync(site.disks.nodes.declareDead(frontend, 'n1', REASON), { code: 'FORBIDDEN' });
  await t.throwsAsync(declareDead(site), { code: 'NODE_ALIVE' });
  await t.throwsAsync(declareDead(site, 'n9'), { code: 'NODE_UNKNOWN' });
  await t.throwsAsync(declareAlive(site), { code: 'NODE_NOT_DECLARED_DEAD' });
});

test('a VM that was seen to leave a node is followed, not released, when that node is declared dead', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1', persistent: false });
  await site.hotattach(uuid, '1');
  const { uuid: domain, disks } = site.n1.domain('one-1');
  await site.n1.cut();
  site.n2.addDomain({ name: 'one-1', uuid: domain, persistent: false });
  site.n2.domain('one-1').disks = [...disks];
  t.deepEqual(await declareDead(site), { released: [] });
  t.is(site.users(uuid), 1);
  await site.hotdetach(uuid, '1', 'n2');
  await site.n1.listen();
});

test('a VM that had left for a node that does not answer keeps its disk when its first node is declared dead', async t => {
  const site = await createSite(t, { reconcileIntervalMs: NEVER_MS });
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1', persistent: false });
  await site.hotattach(uuid, '1');
  await site.n2.cut();
  site.n1.migrate('one-1', site.n2).to('over');
  await site.untilDoubt(uuid);
  await site.n1.cut();
  t.deepEqual(await declareDead(site), { released: [] });
  t.is(site.users(uuid), 1);
  t.deepEqual(pluggedIn(site.n2, 'one-1'), [uuid]);
  const vm = { node: 'n1', vmId: '1' };
  await t.throwsAsync(site.disks.service.detach(frontend, vm, cause), { code: 'VM_FATE_UNKNOWN' });
  await site.disks.service.detach(admin, vm, cause, { reason: REASON });
  t.is(site.users(uuid), 0);
});

test('a VM whose copy is on its way in elsewhere keeps its disk when its node is declared dead', async t => {
  const site = await createSite(t, { reconcileIntervalMs: NEVER_MS });
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1', persistent: false });
  await site.hotattach(uuid, '1');
  const migration = site.n1.migrate('one-1', site.n2);
  migration.to('switching');
  await site.n1.cut();
  t.deepEqual(await declareDead(site), { released: [] });
  migration.to('over');
  await until(() => site.hotdetach(uuid, '1', 'n2').catch(() => undefined), 'the attachment to follow');
  t.deepEqual(pluggedIn(site.n2, 'one-1'), []);
});

test('a silent node delays the proof for VMs of other nodes, until it is declared dead', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1', persistent: false });
  await site.hotattach(uuid, '1');
  await site.restart(async () => {
    site.n1.destroy('one-1');
    await site.n2.cut();
  });
  await t.throwsAsync(site.detach('1'), { code: 'VM_FATE_UNKNOWN', message: /node 'n2' cannot be reached/ });
  await declareDead(site, 'n2');
  t.deepEqual(await site.detach('1'), { uuids: [uuid] });
  await site.n2.listen();
});

test('an administrator frees one disk by force, unless its VM is seen alive with it', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1', persistent: false });
  await site.hotattach(uuid, '1');
  const vm = { node: 'n1', vmId: '1' };
  const force = { reason: REASON };
  await t.throwsAsync(site.disks.service.hotdetach(admin, uuid, vm, cause, force), { code: 'VM_RUNNING' });
  await t.throwsAsync(site.disks.service.detach(frontend, vm, cause, force), { code: 'FORBIDDEN' });
  await site.n1.cut();
  const { vouched } = await site.disks.service.hotdetach(admin, uuid, vm, cause, force);
  t.regex(vouched ?? '', /is gone and does not come back/);
  t.is(site.users(uuid), 0);
  t.like(site.published.findLast(({ type }) => type === 'disk.detached')?.cause, { reason: REASON });
  await site.n1.listen();
});

test('a node that was removed from the configuration keeps the disks of its VMs until it is declared dead', async t => {
  const site = await createSite(t);
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1', persistent: false });
  await site.hotattach(uuid, '1');
  await site.restart(() => site.nodes.delete('n1'));
  const owner = { account: 'admin', role: 'user' } as const;
  const vm = { node: 'n1', vmId: '1' };
  for (const caller of [owner, frontend]) {
    await t.throwsAsync(site.disks.service.detach(caller, vm, cause), { code: 'VM_FATE_UNKNOWN' });
  }
  t.deepEqual(await declareDead(site), { released: [uuid] });
  t.is(site.users(uuid), 0);
});

test('a node that comes back while its death is being declared is not declared dead', async t => {
  const site = await createSite(t, { reconcileIntervalMs: NEVER_MS });
  const uuid = await site.create();
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  await site.n1.cut();
  const held = gate();
  site.n2.faults.inject('connectListAllDomains', { kind: 'delay', until: held.opened }, 100);
  const before = site.n2.calls.length;
  const refused = t.throwsAsync(declareDead(site), { code: 'NODE_ALIVE', message: /since the request came/ });
  await until(() => site.n2.calls.length > before, 'the other node to be asked');
  await site.n1.listen();
  const isBack = () => site.disks.nodes.list(admin).some(one => one.node === 'n1' && one.reachable);
  await until(isBack, 'the node to be linked again');
  site.n2.faults.clear();
  held.open();
  await refused;
  t.is(declarationOf(site), null);
  t.deepEqual([site.users(uuid), pluggedIn(site.n1, 'one-1')], [1, [uuid]]);
});
