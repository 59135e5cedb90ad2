// api.md, part 2: "which VMs a user may name", with the setting that leaves hotattach to the cloud.
import test from 'ava';
import { startSite } from './support/site.ts';

test('which VMs a user may name: with vm_access service the role user may not hotattach at all', async t => {
  const site = await startSite({ vm_access: 'service' });
  try {
    const uuid = await site.create('alice');
    const form = { node: 'n1', vm_id: site.machine() };
    t.is((await site.ask('POST', `/api/hotattach/${uuid}`, { as: 'alice', form })).code, 'FORBIDDEN');
    t.is((await site.ask('POST', `/api/hotattach/${uuid}`, { as: 'bob', form })).code, 'DISK_UNKNOWN');
    t.is((await site.ask('POST', `/api/hotattach/${uuid}`, { as: 'cloud', form })).code, 200);
    t.is((await site.ask('POST', `/api/hotdetach/${uuid}`, { as: 'alice', form })).code, 200);
    t.is((await site.ask('POST', `/api/hotattach/${uuid}`, { as: 'admin', form })).code, 200);
  } finally {
    await site.end();
  }
});
