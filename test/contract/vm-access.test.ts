// docs/api-contract.md: "which VMs a user may name", with the setting that leaves this to the cloud, and what
// a user may do to somebody else's VM.
import test from 'ava';
import { startSite } from './support/site.ts';

test('which VMs a user may name: with vm_access service the role user may neither hotattach nor attach', async t => {
  const site = await startSite({ vm_access: 'service' });
  try {
    const uuid = await site.create('alice');
    const form = { node: 'n1', vm_id: site.addVm() };
    t.is((await site.ask('POST', `/api/hotattach/${uuid}`, { as: 'alice', form })).code, 'FORBIDDEN');
    t.is((await site.ask('POST', `/api/hotattach/${uuid}`, { as: 'bob', form })).code, 'DISK_UNKNOWN');
    t.is((await site.ask('POST', `/api/hotattach/${uuid}`, { as: 'cloud', form })).code, 200);
    t.is((await site.ask('POST', `/api/hotdetach/${uuid}`, { as: 'alice', form })).code, 200);
    t.is((await site.ask('POST', `/api/hotattach/${uuid}`, { as: 'admin', form })).code, 200);
    const cold = await site.create('alice');
    const later = { node: 'n1', vm_id: 'later' };
    t.is((await site.ask('POST', `/api/attach/${cold}`, { as: 'alice', form: later })).code, 'FORBIDDEN');
    t.is((await site.ask('POST', `/api/attach/${cold}`, { as: 'bob', form: later })).code, 'DISK_UNKNOWN');
    t.is((await site.ask('POST', `/api/attach/${cold}`, { as: 'cloud', form: later })).code, 200);
    const element = `/api/disks/${cold}/libvirt?node=n1&vm_id=later`;
    t.is((await site.ask('GET', element, { as: 'alice' })).code, 'FORBIDDEN');
    t.is((await site.ask('GET', element, { as: 'cloud' })).code, 200);
  } finally {
    await site.end();
  }
});

test('nobody can use up the targets of a VM: targets promised to disks that it runs without are free', async t => {
  const site = await startSite();
  try {
    const vm_id = site.addVm();
    const form = { node: 'n1', vm_id };
    for (let count = 0; count < 30; count += 1) {
      const uuid = await site.create('bob');
      // The frontend may register any number of disks, so it can create a state that no account of the role
      // user can.
      t.is((await site.ask('POST', `/api/attach/${uuid}`, { as: 'cloud', form })).code, 200);
      const element = `/api/disks/${uuid}/libvirt?node=n1&vm_id=${vm_id}`;
      const expected = count < 25 ? 200 : 'NO_FREE_TARGET';
      t.is((await site.ask('GET', element, { as: 'bob' })).code, expected, String(count));
    }
    const uuid = await site.create('alice');
    const plugged = await site.ask('POST', `/api/hotattach/${uuid}`, { as: 'alice', form });
    t.is(plugged.code, 200);
    t.is(JSON.parse(plugged.text).target, 'vda');
    const second = await site.create('alice');
    const next = await site.ask('POST', `/api/hotattach/${second}`, { as: 'alice', form });
    t.is(JSON.parse(next.text).target, 'vdb');
  } finally {
    await site.end();
  }
});

test('an account of a user registers few disks with one VM, and one disk with a bounded number of VMs', async t => {
  const site = await startSite();
  try {
    const form = { node: 'n1', vm_id: 'one machine' };
    for (let count = 0; count < 9; count += 1) {
      const answer = await site.ask('POST', `/api/attach/${await site.create('bob')}`, { as: 'bob', form });
      t.is(answer.code, count < 8 ? 200 : 'TOO_MANY_ON_VM', String(count));
    }
    const other = await site.create('alice');
    t.is((await site.ask('POST', `/api/attach/${other}`, { as: 'alice', form })).code, 200);

    const uuid = await site.create('bob');
    const attach = (vm_id: string, as: 'bob' | 'cloud' = 'bob') =>
      site.ask('POST', `/api/attach/${uuid}`, { as, form: { node: 'n1', vm_id } });
    for (let count = 0; count < 64; count += 1) t.is((await attach(`${count}-${'x'.repeat(250)}`)).code, 200);
    t.is((await attach('one more')).code, 'TOO_MANY_USERS');
    t.is((await attach('one more', 'cloud')).code, 'TOO_MANY_USERS');
    t.is((await attach(`0-${'x'.repeat(250)}`)).code, 200, 'twice the same is no more than once');
    const disk = JSON.parse((await site.ask('GET', `/api/disks/${uuid}`)).text);
    t.is(disk.users, '64');
    t.is(
      (await site.ask('POST', '/api/detach', { form: { node: 'n1', vm_id: `0-${'x'.repeat(250)}` } })).code,
      200,
    );
    t.is((await attach('one more')).code, 200);
  } finally {
    await site.end();
  }
});
