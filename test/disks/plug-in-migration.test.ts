// A plug whose answer is lost while its VM migrates: what the old host then says of the VM says nothing about
// the disk.
import test from 'ava';
import { until } from '../../testkit/until.ts';
import { createSite, pluggedIn } from './support/site.ts';

for (const wildcard of [false, true]) {
  test(`a disk that was plugged just before its VM migrated is not free while the VM has it (wildcard: ${wildcard})`, async t => {
    const site = await createSite(t, {}, { wildcard, locks: false });
    site.n1.addDomain({ name: 'one-1', persistent: false });
    site.n2.addDomain({ name: 'one-2' });
    const uuid = await site.create();
    // Both hosts are known by now.
    await site.hotattach(uuid, '2', 'n2');
    await site.hotdetach(uuid, '2', 'n2');

    site.n1.faults.inject('domainAttachDeviceFlags', { kind: 'no-answer' });
    const answer = site.hotattach(uuid, '1').then(
      () => 'plugged',
      error => error.code,
    );
    await until(() => pluggedIn(site.n1, 'one-1').length === 1, 'the disk to be plugged', { everyMs: 1 });
    site.n1.migrate('one-1', site.n2).to('over');
    site.n1.dropConnections();

    const isThere = (): boolean => pluggedIn(site.n2, 'one-1').includes(uuid);
    let freed = false;
    const said = await until(
      async () => {
        freed ||= isThere() && site.users(uuid) === 0;
        return freed || (await Promise.race([answer, undefined]));
      },
      'an answer',
      { timeoutMs: 90_000, everyMs: 5 },
    );
    t.false(freed, `the disk is free, and one-1 has it on n2 (answered ${said})`);
    await until(() => freed || isThere() === site.users(uuid) > 0, 'records and VM to agree');
    t.is(site.users(uuid), isThere() ? 1 : 0);
  });
}
