import test from 'ava';
import { gate } from '../../testkit/latch.ts';
import { until } from '../../testkit/until.ts';
import { createSite, NEAR_MS, pluggedIn } from './support/site.ts';

test('the outcome of a hotattach whose answer is lost is looked up, and answered', async t => {
  const site = await createSite(t);
  site.n1.addDomain({ name: 'one-1' });
  const uuid = await site.create();
  site.n1.faults.inject('domainAttachDeviceFlags', { kind: 'drop-after' });
  t.deepEqual(await site.hotattach(uuid, '1'), { target: 'vda', uuids: [uuid] });
  t.deepEqual(pluggedIn(site.n1, 'one-1'), [uuid]);
});

test("a hotattach that libvirt refuses leaves the disk free, with libvirt's own sentence", async t => {
  const site = await createSite(t);
  site.n1.addDomain({ name: 'one-1', ports: 0 });
  const uuid = await site.create();
  await t.throwsAsync(site.hotattach(uuid, '1'), {
    code: 'NO_PCI_SLOT',
    message: /No more available PCI slots/,
  });
  t.is(site.users(uuid), 0);
});

test('a hotattach that is executed but never answered is 504 and undone, or stays accounted for', async t => {
  const site = await createSite(t, { attachTimeoutMs: NEAR_MS });
  site.n1.addDomain({ name: 'one-1' });
  const uuid = await site.create();
  const { opened, open } = gate();
  site.n1.faults.inject('domainAttachDeviceFlags', { kind: 'delay', until: opened });
  await t.throwsAsync(site.hotattach(uuid, '1'), { code: 'PLUG_UNKNOWN' });
  t.is(site.users(uuid), 1);
  open();
  await site.untilUsers(uuid, 0);
  t.deepEqual(pluggedIn(site.n1, 'one-1'), []);
});

test('a hotdetach of a silent node releases nothing, and the disk is seen to be off when the node is back', async t => {
  const site = await createSite(t);
  site.n1.addDomain({ name: 'one-1' });
  const uuid = await site.create();
  await site.hotattach(uuid, '1');
  await site.n1.stop();
  // The loss of the connection for changes may be noticed later than that of the other one: a request on it
  // may have been executed.
  const codeOf = () =>
    site.hotdetach(uuid, '1').then(
      () => 'detached',
      error => error.code,
    );
  const code = await until(
    async () => {
      const said = await codeOf();
      return said === 'UNPLUG_UNKNOWN' ? undefined : said;
    },
    'an answer that is certain',
    { timeoutMs: 120_000 },
  );
  t.is(code, 'NODE_UNREACHABLE');
  t.is(site.users(uuid), 1);
  await t.throwsAsync(site.detach('1'), { code: 'VM_FATE_UNKNOWN' });
  t.is(site.users(uuid), 1);
  site.n1.domain('one-1').disks = [];
  await site.n1.listen();
  await site.untilUsers(uuid, 0);
});

test('a node that does not answer at all is 503, and nothing is reserved', async t => {
  const site = await createSite(t);
  site.n1.addDomain({ name: 'one-1' });
  const uuid = await site.create();
  await site.n1.stop();
  await t.throwsAsync(site.hotattach(uuid, '1'), { code: 'NODE_UNREACHABLE' });
  t.is(site.users(uuid), 0);
});

test('a guest that keeps the disk past the deadline still has it, and a later removal is noticed', async t => {
  const site = await createSite(t, { detachTimeoutMs: NEAR_MS, reconcileIntervalMs: 3_600_000 });
  site.n1.addDomain({ name: 'one-1', manners: 'unwilling' });
  const uuid = await site.create();
  await site.hotattach(uuid, '1');
  await t.throwsAsync(site.hotdetach(uuid, '1'), { code: 'GUEST_KEPT_DISK' });
  t.is(site.users(uuid), 1);
  site.n1.release('one-1', `ua-${uuid}`);
  await site.untilUsers(uuid, 0);
});

test('two hotdetaches at once are both answered with the outcome', async t => {
  const site = await createSite(t);
  site.n1.addDomain({ name: 'one-1' });
  const uuid = await site.create();
  await site.hotattach(uuid, '1');
  const answers = await Promise.all([site.hotdetach(uuid, '1'), site.hotdetach(uuid, '1')]);
  t.deepEqual(answers, [
    { target: 'vda', uuids: [] },
    { target: 'vda', uuids: [] },
  ]);
});

test('a device by our alias that appears without an attachment is unplugged', async t => {
  const site = await createSite(t);
  site.n1.addDomain({ name: 'one-1' });
  const uuid = await site.create();
  const other = await site.create();
  await site.hotattach(uuid, '1');
  const vm = site.n1.domain('one-1');
  const [device] = vm.disks;
  if (!device) throw new Error('nothing plugged');
  const alias = `ua-${other}`;
  vm.disks.push({ ...device, alias, target: 'vdb' });
  site.n1.emit({
    type: 'device-added',
    domain: { name: 'one-1', uuid: vm.uuid, id: vm.id },
    alias,
  });
  await site.untilLogged('a VM has a disk that is not attached to it');
  await site.hotdetach(uuid, '1');
  await until(() => pluggedIn(site.n1, 'one-1').length === 0, 'both to be unplugged');
  t.pass();
});
