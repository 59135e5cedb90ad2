// POST /api/resize/:uuid: an addition to the documented calls, in their style.
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import test from 'ava';
import { everybody, type Site, startSite, type Who } from './support/site.ts';

const GIB = 2 ** 30;

let site: Site;
test.before(async () => {
  site = await startSite();
});
test.after.always(() => site?.end());
test.afterEach.always(t => {
  if (!t.passed) t.log(site?.service.log().slice(-1500));
});

const resize = (uuid: string, size: string, as: Who = 'admin') =>
  site.ask('POST', `/api/resize/${uuid}`, { as, form: { size } });

const sizeOf = async (uuid: string): Promise<string> =>
  JSON.parse((await site.ask('GET', `/api/disks/${uuid}`)).text).size;

/** The calls that told VMs of this file the new sizes of their disks. */
const told = () => site.n1.calls.filter(({ procedure }) => procedure === 'domainBlockResize');

test('a disk is made larger: the answer has its uuid and its new size as text, and lists show it from then on', async t => {
  const uuid = await site.create();
  const answer = await resize(uuid, '3');
  t.deepEqual([answer.status, JSON.parse(answer.text)], [200, { uuid, size: '3' }]);
  t.is(await sizeOf(uuid), '3');
  const json = await site.ask('POST', `/api/resize/${uuid}`, { json: { size: 4 } });
  t.deepEqual([json.status, JSON.parse(json.text)], [200, { uuid, size: '4' }]);
});

test('a disk never gets smaller, and not larger than a disk may be: 422, and nothing happens', async t => {
  const uuid = await site.create('admin', 'private', 3);
  for (const size of ['1', '2', '3']) t.like(await resize(uuid, size), { status: 422, code: 'NOT_LARGER' });
  for (const size of ['0', '-4', '4.5', '1025', 'big', '']) {
    t.like(await resize(uuid, size), { status: 422, code: 'INVALID_DISK' }, size);
  }
  const unknown = await site.ask('POST', `/api/resize/${uuid}`, { form: { size: '4', tag: 'larger' } });
  t.is(unknown.status, 422);
  t.is((await site.ask('POST', `/api/resize/${uuid}`)).status, 422);
  t.is(await sizeOf(uuid), '3');
});

test('owners and administrators resize a disk, others may not, and others’ private disks are unknown', async t => {
  const answersFor = async (visibility: 'private' | 'public') => {
    const uuid = await site.create('alice', visibility);
    const found: Partial<Record<Who, string | number>> = {};
    for (const [index, as] of everybody.entries())
      found[as] = (await resize(uuid, String(index + 2), as)).code;
    return found;
  };
  const rest = { '': 'UNAUTHENTICATED', alice: 200, cloud: 'FORBIDDEN', admin: 200 };
  t.deepEqual(await answersFor('private'), { ...rest, bob: 'DISK_UNKNOWN' });
  t.deepEqual(await answersFor('public'), { ...rest, bob: 'FORBIDDEN' });
  t.like(await resize('eb198dec-3560-4a9a-b3b4-5f043410a3dd', '9'), { status: 400, code: 'DISK_UNKNOWN' });
});

test('the additional size counts in the owner’s quota', async t => {
  const uuid = await site.create('bob');
  await site.ask('PUT', '/api/users/bob/quota', { form: { disks: '9', size: '5' } });
  t.like(await resize(uuid, '6', 'bob'), { status: 400, code: 'QUOTA_EXCEEDED' });
  t.is(await sizeOf(uuid), '1');
  t.is((await resize(uuid, '5', 'bob')).status, 200);
  const form = { size: '1', tag: '', visibility: 'private' };
  t.is((await site.ask('POST', '/api/create', { as: 'bob', form })).code, 'QUOTA_EXCEEDED');
  await site.ask('DELETE', '/api/users/bob/quota');
});

test('a disk in use is made larger, hot-plugged or cold, and the VM is told', async t => {
  const uuid = await site.create();
  const vm_id = site.addVm();
  const on = { node: 'n1', vm_id };
  t.is((await site.ask('POST', `/api/hotattach/${uuid}`, { form: on })).status, 200);
  t.is((await resize(uuid, '2')).status, 200);
  t.like(told()[0]?.args, { disk: 'vda', size: BigInt(2 * GIB) });
  t.is((await resize(uuid, '1')).code, 'NOT_LARGER');
  t.is(told().length, 1);
  t.is((await site.ask('POST', `/api/hotdetach/${uuid}`, { form: on })).status, 200);

  t.is(
    (await site.ask('POST', `/api/attach/${uuid}`, { form: { node: 'elsewhere', vm_id: '1' } })).status,
    200,
  );
  t.is((await resize(uuid, '3')).status, 200);
  t.is(await sizeOf(uuid), '3');
});

test('where the pool has no room a disk stays as it is: 507, with the figures', async t => {
  const { bavail, bsize } = await statfs(tmpdir());
  const small = await startSite({ overcommit: (8 * GIB) / (bavail * bsize) });
  try {
    const uuid = await small.create();
    const answer = await small.ask('POST', `/api/resize/${uuid}`, { form: { size: '1000' } });
    t.like(answer, { status: 507, code: 'NO_SPACE' });
    t.regex(answer.messages.join(), /999 GiB more asked for, \d+ of \d+ GiB left/);
    t.is((await small.ask('POST', `/api/resize/${uuid}`, { form: { size: '2' } })).status, 200);
  } finally {
    await small.end();
  }
});
