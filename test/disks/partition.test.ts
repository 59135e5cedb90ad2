import test from 'ava';
import { until } from '../../testkit/until.ts';
import { createSite, pluggedIn } from './support/site.ts';

test('a VM that is started elsewhere without its disk, while its own node is silent, may still have it there', async t => {
  const site = await createSite(t, {}, { locks: false });
  const uuid = await site.create();
  const domain = site.n1.addDomain({ name: 'one-1' });
  await site.hotattach(uuid, '1');
  await site.n1.cut();
  site.n2.addDomain({ name: 'one-1', uuid: domain.uuid });
  site.n2.addDomain({ name: 'one-2' });
  await site.untilLogged('node not reconciled');
  const looks = (): number =>
    site.n2.calls.filter(({ procedure }) => procedure === 'domainGetXmlDesc').length;
  const before = looks();
  await until(() => looks() >= before + 6, 'the nodes to be looked at', { timeoutMs: 60_000 });
  t.is(site.users(uuid), 1);
  await t.throwsAsync(site.hotattach(uuid, '2', 'n2'));
  t.deepEqual(pluggedIn(site.n1, 'one-1'), [uuid]);
  t.deepEqual(pluggedIn(site.n2, 'one-2'), []);
  await site.n1.listen();
});
