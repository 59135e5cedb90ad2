// A guest ejects a disk while its VM is copied to another host: the copy was started with the disk, and has
// it once it lands.
import test from 'ava';
import { gate } from '../../testkit/latch.ts';
import { until } from '../../testkit/until.ts';
import { admin, cause, createSite, pluggedIn } from './support/site.ts';

type Site = Awaited<ReturnType<typeof createSite>>;

/** A VM on n1 whose guest ejects its disk while the VM is copied to n2; another VM on n1 wants the disk. */
async function ejected(t: Parameters<typeof createSite>[0], prepare = (_: Site): void => {}) {
  const site = await createSite(t, {}, { locks: false });
  prepare(site);
  site.n1.addDomain({ name: 'one-1' });
  site.n1.addDomain({ name: 'one-2' });
  const uuid = await site.create();
  await site.hotattach(uuid, '1');
  const migration = site.n1.migrate('one-1', site.n2);
  migration.to('copying');
  site.n1.release('one-1', `ua-${uuid}`);
  return { site, uuid, migration };
}

const placeOf = (site: Site, uuid: string) =>
  site.disks.service.getDetails(admin, uuid).attachments[0]?.onVm?.node;

test('a disk that the guest ejected stays attached once the copy has landed with it', async t => {
  const { site, uuid, migration } = await ejected(t);
  await t.throwsAsync(site.hotattach(uuid, '2'), { code: 'LIMIT_REACHED' });
  migration.to('over');
  t.deepEqual(pluggedIn(site.n2, 'one-1'), [uuid]);
  await t.throwsAsync(site.hotattach(uuid, '2'), { code: 'LIMIT_REACHED' });
  await until(() => site.hotdetach(uuid, '1', 'n2').catch(() => undefined), 'the attachment to follow');
  t.deepEqual(pluggedIn(site.n2, 'one-1'), []);
});

test('a disk that the guest ejected is off once the migration was aborted', async t => {
  const { site, uuid, migration } = await ejected(t);
  migration.fail('aborted');
  await until(() => site.users(uuid) === 0, 'the disk to be off');
  await site.hotattach(uuid, '2');
  t.deepEqual(pluggedIn(site.n1, 'one-2'), [uuid]);
});

test('while a copy may yet land with a disk, no other VM gets it and it is not deleted, whatever the source shows', async t => {
  const { site, uuid, migration } = await ejected(t);
  migration.to('switching');
  migration.fail('destination-stalled');
  await until(() => !pluggedIn(site.n1, 'one-1').includes(uuid), 'the source to go on without it');
  await until(() => site.users(uuid) === 0, 'the source to be believed');
  await t.throwsAsync(site.hotattach(uuid, '2'), { message: /VM 'one-1' on node 'n2' has it/ });
  await t.throwsAsync(site.disks.service.delete(admin, uuid, cause), { code: 'DISK_IN_USE' });
  migration.wake();
  await until(() => placeOf(site, uuid) === 'n2', 'the disk to be accounted for');
  await site.hotdetach(uuid, '1', 'n2');
  t.deepEqual(pluggedIn(site.n2, 'one-1'), []);
});

test('a disk that the source no longer shows is not free before the copy has been inspected', async t => {
  const { opened, open } = gate();
  const { site, uuid, migration } = await ejected(t, ({ n2 }) =>
    n2.faults.inject('domainGetState', { kind: 'delay', until: opened }),
  );
  migration.to('switching');
  const seen = site.n1.calls.length;
  migration.fail('destination-stalled');
  const isInspected = () => site.n1.calls.slice(seen).some(({ procedure }) => procedure === 'domainGetState');
  await until(isInspected, 'the source to be inspected');
  await t.throwsAsync(site.hotattach(uuid, '2'), { code: 'LIMIT_REACHED' });
  open();
  await until(() => site.users(uuid) === 0, 'the source to be believed');
  await t.throwsAsync(site.hotattach(uuid, '2'), { message: /VM 'one-1' on node 'n2' has it/ });
});
