// PATCH /api/disks/:uuid, ETag, If-Match and If-None-Match.
import test from 'ava';
import { everybody, type Site, startSite, type Who } from './support/site.ts';

let site: Site;
test.before(async () => {
  site = await startSite();
});
test.after.always(() => site?.end());

const patch = (uuid: string, json: unknown, as: Who = 'alice', headers: Record<string, string> = {}) =>
  site.ask('PATCH', `/api/disks/${uuid}`, { as, json, headers });
const get = (uuid: string, as: Who = 'alice', headers: Record<string, string> = {}) =>
  site.ask('GET', `/api/disks/${uuid}`, { as, headers });
const tagOf = async (uuid: string): Promise<string> => (await get(uuid)).headers.get('etag') ?? '';

test('an owner changes tag and visibility, together or alone, by JSON or form, and is answered the disk', async t => {
  const uuid = await site.create('alice');
  const { status, text, headers } = await patch(uuid, { tag: 'new', visibility: 'public' });
  t.is(status, 200);
  t.is(text, (await get(uuid)).text);
  t.is(headers.get('etag'), await tagOf(uuid));
  t.is(headers.get('x-diskuser-remaining'), '1');
  t.like(JSON.parse(text), { tag: 'new', visibility: 'public', owner: 'alice', size: '1' });
  const form = { visibility: 'private' };
  t.is((await site.ask('PATCH', `/api/disks/${uuid}`, { as: 'alice', form })).status, 200);
  t.like(JSON.parse((await get(uuid)).text), { tag: 'new', visibility: 'private' });
  t.is((await patch(uuid, { tag: '' })).status, 200);
  t.is(JSON.parse((await get(uuid)).text).tag, '');
});

test('the owner and administrators may edit; others who see the disk may not; to the rest it is unknown', async t => {
  const hidden = await site.create('alice', 'private');
  const open = await site.create('alice', 'public');
  const codes = async (uuid: string) => {
    const found: Partial<Record<Who, string | number>> = {};
    for (const as of everybody) found[as] = (await patch(uuid, { tag: `by ${as}` }, as)).code;
    return found;
  };
  const may = { '': 'UNAUTHENTICATED', alice: 200, cloud: 'FORBIDDEN', admin: 200 };
  t.deepEqual(await codes(hidden), { ...may, bob: 'DISK_UNKNOWN' });
  t.deepEqual(await codes(open), { ...may, bob: 'FORBIDDEN' });
});

test('a disk in use is edited too; a user who has it plugged keeps it when it becomes private', async t => {
  const uuid = await site.create('alice', 'public');
  const form = { node: 'n1', vm_id: site.addVm() };
  await site.ask('POST', `/api/hotattach/${uuid}`, { as: 'bob', form });
  t.is((await patch(uuid, { visibility: 'private' })).status, 200);
  t.is((await get(uuid, 'bob')).code, 'DISK_UNKNOWN');
  t.is((await site.ask('POST', `/api/hotdetach/${uuid}`, { as: 'bob', form })).status, 200);
});

test('all mistakes in a change are reported together, and nothing is changed', async t => {
  const uuid = await site.create('alice');
  const before = (await get(uuid)).text;
  for (const wrong of [
    {},
    { size: 2 },
    { tag: null },
    { tag: 'x'.repeat(256) },
    { visibility: 'open' },
    { tag: ['a'] },
  ]) {
    t.is((await patch(uuid, wrong)).code, 'INVALID_DISK', JSON.stringify(wrong));
  }
  const { messages, status } = await patch(uuid, { tag: 'x'.repeat(256), visibility: 'open', size: 3 });
  t.deepEqual([status, messages.length], [422, 3]);
  t.is((await get(uuid)).text, before);
});

test('the ETag changes with the disk and with its attachments, and stays through a restart', async t => {
  const uuid = await site.create('alice');
  const seen = [await tagOf(uuid)];
  const full = await site.ask('GET', `/api/disks/${uuid}?view=full`, { as: 'alice' });
  t.is(full.headers.get('etag'), seen[0] ?? '');
  const form = { node: 'n1', vm_id: site.addVm() };
  await site.ask('POST', `/api/hotattach/${uuid}`, { as: 'alice', form });
  seen.push(await tagOf(uuid));
  await patch(uuid, { tag: 'other' });
  seen.push(await tagOf(uuid));
  await site.ask('POST', `/api/hotdetach/${uuid}`, { as: 'alice', form });
  seen.push(await tagOf(uuid));
  t.is(new Set(seen).size, 4);
  for (const tag of seen) t.regex(tag, /^"[\w-]+"$/);
});

test('If-None-Match: a client that has this version is answered 304 without a body', async t => {
  const uuid = await site.create('alice');
  const tag = await tagOf(uuid);
  const same = await get(uuid, 'alice', { 'if-none-match': `"other", W/${tag}` });
  t.deepEqual([same.status, same.text, same.headers.get('etag')], [304, '', tag]);
  await patch(uuid, { tag: 'other' });
  t.is((await get(uuid, 'alice', { 'if-none-match': tag })).status, 200);
});

test('HEAD of a disk that exists is 200, whatever copies its client has', async t => {
  const uuid = await site.create('alice');
  const tag = await tagOf(uuid);
  for (const copies of [tag, `W/${tag}`, '*']) {
    const headers = { 'if-none-match': copies };
    const head = await site.ask('HEAD', `/api/disks/${uuid}`, { as: 'alice', headers });
    t.deepEqual([head.status, head.headers.get('etag')], [200, tag], copies);
  }
  const page = await site.ask('GET', '/api/docs', { as: '' });
  const headers = { 'if-none-match': page.headers.get('etag') ?? '*' };
  t.is((await site.ask('HEAD', '/api/docs', { as: '', headers })).status, page.status);
});

test('a page is answered 304 to a client that has it, whatever else is in If-None-Match', async t => {
  const page = await site.ask('GET', '/api/docs', { as: '' });
  const tag = page.headers.get('etag') ?? '';
  t.is(page.status, 200);
  const statusFor = async (copies: string) =>
    (await site.ask('GET', '/api/docs', { as: '', headers: { 'if-none-match': copies } })).status;
  for (const copies of [tag, `W/${tag}`, `"other", ${tag}`, '*']) t.is(await statusFor(copies), 304, copies);
  for (const copies of ['"other"', `"x${tag.slice(1)}`]) t.is(await statusFor(copies), 200, copies);
});

test('a comma in an ETag is part of it, and an empty element of a list is none', async t => {
  const uuid = await site.create('alice');
  const tag = await tagOf(uuid);
  for (const list of [`"a,b", ${tag}`, `"a,W/", ${tag}`, `,, ${tag} ,`, `"",${tag}`, `W/"x,",${tag}`]) {
    const { status } = await site.ask('GET', `/api/disks/${uuid}`, {
      as: 'alice',
      headers: { 'if-none-match': list },
    });
    t.is(status, 304, list);
    t.is((await patch(uuid, { tag: 'a disk' }, 'alice', { 'if-match': list })).status, 200, list);
  }
  t.is((await patch(uuid, { tag: 'x' }, 'alice', { 'if-match': '"a,b"' })).code, 'DISK_CHANGED');
  for (const list of ['a,b', '"a" "b"', '"a', ',', '"a b"', `${tag}x`])
    t.is((await patch(uuid, { tag: 'x' }, 'alice', { 'if-match': list })).code, 'BAD_INPUT', list);
});

test('If-Match: a change of another version than the present one is refused with 412', async t => {
  const uuid = await site.create('alice');
  const tag = await tagOf(uuid);
  t.is((await patch(uuid, { tag: 'first' }, 'alice', { 'if-match': `"other", ${tag}` })).status, 200);
  const late = await patch(uuid, { tag: 'second' }, 'alice', { 'if-match': tag });
  t.deepEqual([late.status, late.code], [412, 'DISK_CHANGED']);
  t.true(late.messages[0]?.includes(uuid));
  t.is(JSON.parse((await get(uuid)).text).tag, 'first');
  const gone = await site.ask('DELETE', `/api/disks/${uuid}`, { as: 'alice', headers: { 'if-match': tag } });
  t.is(gone.code, 'DISK_CHANGED');
  t.is((await patch(uuid, { tag: 'any' }, 'alice', { 'if-match': '*' })).status, 200);
  const weak = `W/${await tagOf(uuid)}`;
  t.is((await patch(uuid, { tag: 'weak' }, 'alice', { 'if-match': weak })).code, 'DISK_CHANGED');
  t.is((await patch(uuid, { tag: 'bad' }, 'alice', { 'if-match': 'unquoted' })).code, 'BAD_INPUT');
  const headers = { 'if-match': await tagOf(uuid) };
  t.is((await site.ask('DELETE', `/api/disks/${uuid}`, { as: 'alice', headers })).status, 200);
});

test('of many changes of the same version at once one succeeds', async t => {
  const uuid = await site.create('alice');
  const headers = { 'if-match': await tagOf(uuid) };
  const codes = await Promise.all(
    Array.from(
      { length: 20 },
      async (_, index) => (await patch(uuid, { tag: `by ${index}` }, 'alice', headers)).code,
    ),
  );
  t.deepEqual(
    [codes.filter(code => code === 200).length, codes.filter(code => code === 'DISK_CHANGED').length],
    [1, 19],
  );
});

test('a repeated PATCH with its Idempotency-Key is answered as the first one', async t => {
  const uuid = await site.create('alice');
  const headers = { 'idempotency-key': 'a-patch', 'if-match': await tagOf(uuid) };
  const first = await patch(uuid, { tag: 'once' }, 'alice', headers);
  await patch(uuid, { tag: 'twice' });
  const again = await patch(uuid, { tag: 'once' }, 'alice', headers);
  t.deepEqual([again.status, again.text], [200, first.text]);
  t.is(JSON.parse((await get(uuid)).text).tag, 'twice');
});
