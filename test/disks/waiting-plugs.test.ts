// A plug that waits in libvirt, for its turn at the machine, is carried out on the machine's next run, whatever became of the one that it
// was meant for: until libvirt has answered for it, the disk is not free.
import test from 'ava';
import { until } from '../rig/until.ts';
import { createSite, NEAR_MS, pluggedIn } from './support/site.ts';

type Site = Awaited<ReturnType<typeof createSite>>;

/** Machine one-1 was destroyed on n1 while the plug of a disk waits there for somebody's job, which goes on. */
async function destroyedUnderPlug(site: Site) {
  const { uuid: domain } = site.n1.addDomain({ name: 'one-1' });
  const uuid = await site.create();
  const release = site.n1.hold('one-1');
  const answer = site.hotattach(uuid, '1').catch(error => error.code);
  await until(() => site.n1.waiting('one-1') === 1, 'the plug to be asked for');
  site.n1.destroy('one-1');
  return { domain, uuid, release, answer: await answer };
}

/** The job ends, and the plug is carried out on the run that there is on n1: at every moment the disk is either off or accounted for. */
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

test('a plug that waits in libvirt keeps its disk although the frontend says, and it is known, that the machine was killed', async t => {
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

test('a plug that libvirt refuses when its turn comes, for its machine is gone, frees the disk by itself', async t => {
  const site = await createSite(t, {}, { locks: false });
  const { uuid, release } = await destroyedUnderPlug(site);
  release();
  await site.untilUsers(uuid, 0);
  t.deepEqual(pluggedIn(site.n1, 'one-1'), []);
});

test('a plug that waits in libvirt on the node that its machine has left keeps its disk', async t => {
  const site = await createSite(t, { detachTimeoutMs: NEAR_MS }, { locks: false });
  const { domain, uuid, release } = await destroyedUnderPlug(site);
  site.n2.addDomain({ name: 'one-1', uuid: domain });
  const isAsked = (): boolean =>
    site.n2.calls.some(({ procedure }) => procedure === 'domainDetachDeviceAlias');
  await until(isAsked, 'the machine to be followed');
  await t.throwsAsync(site.hotdetach(uuid, '1', 'n2'), { code: 'UNPLUG_UNKNOWN' });
  t.is(site.users(uuid), 1);
  site.n2.destroy('one-1');
  await t.throwsAsync(site.detach('1', 'n2'), { code: 'VM_FATE_UNKNOWN' });
  site.n1.start('one-1');
  t.true(await carriedOut(site, uuid, release));
});
