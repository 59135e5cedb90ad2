import test from 'ava';
import { admin, cause, createSite, NEAR_MS } from './support/site.ts';

/** Sets the system's clock back by an hour, for this process. */
function setBack(): () => void {
  const real = Date.now;
  Date.now = () => real() - 3_600_000;
  return () => {
    Date.now = real;
  };
}

test.serial('a clock that is set back makes nobody wait beyond the deadline', async t => {
  const site = await createSite(t, { detachTimeoutMs: NEAR_MS });
  site.n1.addDomain({ name: 'one-1', manners: 'unwilling' });
  const uuid = await site.create();
  await site.hotattach(uuid, '1');
  const answer = t.throwsAsync(site.hotdetach(uuid, '1'), { code: 'GUEST_KEPT_DISK' });
  const restore = setBack();
  await answer;
  restore();
});

test.serial('disks are listed in the order of attachment although the clock was set back', async t => {
  const site = await createSite(t);
  const [first, second] = [await site.create(), await site.create()];
  const attach = (uuid: string) =>
    site.disks.service.attach(admin, uuid, { node: 'anywhere', vmId: '1' }, cause);
  await attach(first);
  const restore = setBack();
  t.deepEqual(await attach(second), { uuids: [first, second] });
  restore();
});
