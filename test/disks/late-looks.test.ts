// Looks at VMs whose answer comes late: attachments that began meanwhile are not judged by them.
import test from 'ava';
import { createLatch } from '../../src/lib/latch.ts';
import type { FakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { until } from '../../testkit/until.ts';
import { admin, cause, createSite, pluggedIn } from './support/site.ts';

const NEVER_MS = 3_600_000;

/** Holds back the next answer about a VM's state, which is the last question of a look. */
function holdNextLook({ faults }: FakeLibvirtd) {
  const [asked, answered] = [createLatch(), createLatch()];
  faults.inject('domainGetState', {
    kind: 'delay',
    get until() {
      asked.open();
      return answered.opened;
    },
  });
  return { asked: asked.opened, answer: answered.open };
}

test('a disk that is plugged in again while an earlier look is in progress keeps its attachment', async t => {
  const site = await createSite(t, { reconcileIntervalMs: NEVER_MS });
  const [uuid, other] = [await site.create(), await site.create()];
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  const look = holdNextLook(site.n1);
  await site.hotdetach(uuid, '1');
  await look.asked;
  await site.hotattach(uuid, '1');
  look.answer();
  // Its answer comes after that of the look.
  await site.hotattach(other, '1');
  t.is(site.users(uuid), 1);
  t.deepEqual(pluggedIn(site.n1, 'one-1'), [uuid, other]);
});

test('a disk that is plugged in while its VM is looked for keeps its attachment', async t => {
  const site = await createSite(t, { reconcileIntervalMs: NEVER_MS });
  const [uuid, other] = [await site.create(), await site.create()];
  const { uuid: domain } = site.n1.addDomain({ name: 'one-1' });
  site.n2.addDomain({ name: 'one-2' });
  // By then both nodes have been looked at.
  for (const [vmId, node] of [
    ['1', 'n1'],
    ['2', 'n2'],
  ] as const) {
    await site.hotattach(other, vmId, node);
    await site.hotdetach(other, vmId, node);
  }
  const release = site.n1.hold('one-1');
  const plugged = site.hotattach(uuid, '1');
  await until(() => site.users(uuid) === 1, 'the plug to be asked for');
  const look = holdNextLook(site.n1);
  // Another host shows the VM too, so the VM is looked up on the node where it is known to be.
  site.n2.addDomain({ name: 'one-1', uuid: domain, persistent: false });
  await look.asked;
  release();
  await plugged;
  look.answer();
  await site.hotattach(other, '1');
  t.is(site.users(uuid), 1);
  t.deepEqual(pluggedIn(site.n1, 'one-1'), [uuid, other]);
});

test('a forced detach is not decided by a look from before the disk was plugged in', async t => {
  const site = await createSite(t, { reconcileIntervalMs: NEVER_MS });
  const [uuid, other] = [await site.create(), await site.create()];
  site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(other, '1');
  await site.hotdetach(other, '1');
  const release = site.n1.hold('one-1');
  const plugged = site.hotattach(uuid, '1');
  await until(() => site.users(uuid) === 1, 'the plug to be asked for');
  const look = holdNextLook(site.n1);
  const vm = { node: 'n1', vmId: '1' };
  const forced = site.disks.service.hotdetach(admin, uuid, vm, cause, { reason: 'it hangs' });
  await look.asked;
  release();
  await plugged;
  look.answer();
  await t.throwsAsync(forced, { code: 'ATTACH_IN_PROGRESS' });
  t.is(site.users(uuid), 1);
  t.deepEqual(pluggedIn(site.n1, 'one-1'), [uuid]);
});
