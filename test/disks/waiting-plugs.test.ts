// A plug that waits in libvirt for the domain's lock is carried out on the VM's next run, even if the run
// that it was meant for has ended: until libvirt has answered it, the disk is not free.
import test from 'ava';
import { until } from '../../testkit/until.ts';
import { createSite, NEAR_MS, pluggedIn } from './support/site.ts';

type Site = Awaited<ReturnType<typeof createSite>>;

/** Destroys VM one-1 on n1 while a plug waits there for a job of another client, which goes on. */
async function destroyedUnderPlug(site: Site) {
  const { uuid: domain } = site.n1.addDomain({ name: 'one-1' });
  const uuid = await site.create();
  const release = site.n1.hold('one-1');
  const answer = site.hotattach(uuid, '1').catch(error => error.code);
  await until(() => site.n1.waiting('one-1') === 1, 'the plug to be asked for');
  site.n1.destroy('one-1');
  return { domain, uuid, release, answer: await answer };
}

/**
 * Ends the job, so that the plug is carried out on the present run on n1: at every moment the disk is either
 * off or accounted for.
 */
async function carriedOut(site: Site, uuid: string, release: () => void): Promise<boolean> {
  let isFree = false;
  let wasPlugged = false;
  release();
  await until(
    () => {
      const isPlugged = pluggedIn(site.n1, 'one-1').includes(uuid);
      wasPlugged ||= isPlugged;
      isFree ||= isPlugged && site.users(uuid) === 0;
      return wasPlugged && !isPlugged && site.users(uuid) === 0;
    },
    'the disk to be plugged in and taken off again',
    { everyMs: 1, hint: () => site.lines.join('') },
  );
  return !isFree;
}

test('a plug that waits in libvirt keeps its disk although the frontend says, and it is known, that the VM was killed', async t => {
  const site = await createSite(t, {}, { locks: false });
  const { uuid, release, answer } = await destroyedUnderPlug(site);
  t.is(answer, 'VM_STOPPED');
  await t.throwsAsync(site.detach('1'), {
    code: 'VM_FATE_UNKNOWN',
    message: /libvirt has not answered for its plug/,
  });
  t.is(site.users(uuid), 1);
  site.n1.start('one-1');
  t.true(await carriedOut(site, uuid, release));
});

test('a plug that libvirt refuses when its turn comes, for its VM is gone, frees the disk by itself', async t => {
  const site = await createSite(t, {}, { locks: false });
  const { uuid, release } = await destroyedUnderPlug(site);
  release();
  await site.untilUsers(uuid, 0);
  t.deepEqual(pluggedIn(site.n1, 'one-1'), []);
});

test('a plug that waits in libvirt on the node that its VM has left keeps its disk', async t => {
  const site = await createSite(t, { detachTimeoutMs: NEAR_MS }, { locks: false });
  const { domain, uuid, release } = await destroyedUnderPlug(site);
  site.n2.addDomain({ name: 'one-1', uuid: domain });
  const isAsked = (): boolean =>
    site.n2.calls.some(({ procedure }) => procedure === 'domainDetachDeviceAlias');
  await until(isAsked, 'the VM to be followed');
  await t.throwsAsync(site.hotdetach(uuid, '1', 'n2'), { code: 'UNPLUG_UNKNOWN' });
  t.is(site.users(uuid), 1);
  site.n2.destroy('one-1');
  await t.throwsAsync(site.detach('1', 'n2'), { code: 'VM_FATE_UNKNOWN' });
  site.n1.start('one-1');
  t.true(await carriedOut(site, uuid, release));
});
