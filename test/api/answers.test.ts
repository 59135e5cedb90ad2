import test from 'ava';
import { PASSWORD } from '../../testkit/http.ts';
import { diskDouble, FIRST, SECOND } from './support/disks.ts';
import { startServer } from './support/server.ts';

const vm = { node: 'onehost-2.lal.in2p3.fr', vm_id: '722' };

test('the list of disks is the documented one, byte for byte', async t => {
  const { ask } = await startServer(t);
  const { status, reason, headers, text } = await ask('GET', '/api/disks');
  t.is(status, 200);
  t.is(reason, 'OK');
  t.is(headers.get('content-type'), 'application/json');
  t.is(
    text,
    '[{"users":"0","created":"2011/07/28 15:01:40","visibility":"private","tag":"a simple disk","owner":"test",' +
      `"uuid":"${FIRST}","size":"2"},` +
      '{"users":"0","created":"2011/07/28 15:01:54","visibility":"public","tag":"a public disk","owner":"test",' +
      `"uuid":"${SECOND}","size":"1"}]`,
  );
});

test('an empty list is []', async t => {
  const { ask } = await startServer(t, diskDouble({ list: () => [] }));
  t.is((await ask('GET', '/api/disks')).text, '[]');
});

test('a disk shows its seven keys, and its limit and what remains in headers', async t => {
  const service = diskDouble();
  const disk = service.get({ account: 'test', role: 'user' }, FIRST);
  service.disks.set(FIRST, { ...disk, users: 1, limit: 2 });
  const { ask } = await startServer(t, service);
  const { status, headers, text } = await ask('GET', `/api/disks/${FIRST}`);
  t.is(status, 200);
  t.is(headers.get('x-diskuser-limit'), '2');
  t.is(headers.get('x-diskuser-remaining'), '1');
  t.is(
    text,
    '{"users":"1","created":"2011/07/28 15:01:40","visibility":"private","tag":"a simple disk","owner":"test",' +
      `"uuid":"${FIRST}","size":"2"}`,
  );
});

test('X-DiskUser-Remaining is never below 0', async t => {
  const service = diskDouble();
  const disk = service.get({ account: 'test', role: 'user' }, FIRST);
  service.disks.set(FIRST, { ...disk, users: 3, limit: 2 });
  const { ask } = await startServer(t, service);
  t.is((await ask('GET', `/api/disks/${FIRST}`)).headers.get('x-diskuser-remaining'), '0');
});

test('a disk that changed is shown as it is now', async t => {
  const service = diskDouble();
  const { ask } = await startServer(t, service);
  await ask('GET', '/api/disks');
  service.disks.set(FIRST, { ...service.get({ account: 'test', role: 'user' }, FIRST), tag: 'ein Müsli 🥣' });
  const { text, headers } = await ask('GET', `/api/disks/${FIRST}`);
  t.is(JSON.parse(text).tag, 'ein Müsli 🥣');
  t.is(headers.get('content-length'), String(Buffer.byteLength(text)));
});

test('create answers 201 and the uuid', async t => {
  const { ask, service } = await startServer(t);
  const { status, reason, text } = await ask('POST', '/api/create', {
    form: { size: '3', tag: '', visibility: 'public' },
  });
  t.is(status, 201);
  t.is(reason, 'Created');
  const uuid = [...service.disks.keys()].at(-1);
  t.is(text, `{"uuid":"${uuid}"}`);
  t.deepEqual(service.calls, [['create', 3, '', 'public']]);
});

test('delete and retry answer 200 and the uuid, also where it was written in capitals', async t => {
  const { ask, service } = await startServer(t);
  const retried = await ask('POST', `/api/retry/${FIRST}`);
  const deleted = await ask('DELETE', `/api/disks/${FIRST.toUpperCase()}`);
  t.deepEqual([retried.status, retried.text], [200, `{"uuid":"${FIRST}"}`]);
  t.deepEqual([deleted.status, deleted.text], [200, `{"uuid":"${FIRST}"}`]);
  t.deepEqual(service.calls, [
    ['retry', FIRST],
    ['remove', FIRST],
  ]);
});

test('hotattach and hotdetach answer node, vm_id, target and uuids, in this order', async t => {
  const { ask } = await startServer(t);
  const attached = await ask('POST', `/api/hotattach/${FIRST}`, { form: vm });
  t.is(attached.status, 200);
  t.is(
    attached.text,
    `{"node":"onehost-2.lal.in2p3.fr","vm_id":"722","target":"vda","uuid":["${SECOND}","${FIRST}"]}`,
  );
  const detached = await ask('POST', `/api/hotdetach/${FIRST}`, { form: vm });
  t.is(detached.text, '{"node":"onehost-2.lal.in2p3.fr","vm_id":"722","target":"vda","uuid":[]}');
});

test('attach and detach answer node, vm_id and uuids', async t => {
  const { ask } = await startServer(t);
  const attached = await ask('POST', `/api/attach/${FIRST}`, { form: vm });
  t.is(attached.text, `{"node":"onehost-2.lal.in2p3.fr","vm_id":"722","uuid":["${FIRST}"]}`);
  const detached = await ask('POST', '/api/detach', { form: vm });
  t.is(detached.text, `{"node":"onehost-2.lal.in2p3.fr","vm_id":"722","uuid":["${FIRST}","${SECOND}"]}`);
});

test('node and vm_id come back as the caller wrote them', async t => {
  const { ask, service } = await startServer(t);
  const { text } = await ask('POST', '/api/detach', {
    form: { node: 'OneHost-2.Example.', vm_id: ' a/b ü' },
  });
  t.like(JSON.parse(text), { node: 'OneHost-2.Example.', vm_id: ' a/b ü' });
  t.deepEqual(service.calls, [['detach', { node: 'OneHost-2.Example.', vmId: ' a/b ü' }]]);
});

test('the disk element is XML, with the target that was asked for', async t => {
  const { ask, service } = await startServer(t);
  const path = `/api/disks/${FIRST}/libvirt?node=onehost-2&vm_id=a%20b`;
  const first = await ask('GET', path);
  t.deepEqual(
    [first.status, first.headers.get('content-type'), first.text],
    [200, 'application/xml', "<disk><target dev='vdb'/></disk>"],
  );
  t.is((await ask('GET', `${path}&target=vdx`)).text, "<disk><target dev='vdx'/></disk>");
  t.deepEqual(service.calls, [
    ['element', FIRST, { node: 'onehost-2', vmId: 'a b' }, undefined],
    ['element', FIRST, { node: 'onehost-2', vmId: 'a b' }, 'vdx'],
  ]);
});

test('agreeing to an alarm answers the node and what the alarm said', async t => {
  const { ask } = await startServer(t);
  const agreed = await ask('POST', '/api/nodes/alarmed/agree');
  t.deepEqual([agreed.status, agreed.text], [200, '{"node":"alarmed","alarm":"another host answers"}']);
  t.is((await ask('POST', '/api/nodes/quiet/agree')).headers.get('x-error-code'), 'NO_ALARM');
  t.is(
    (await ask('POST', '/api/nodes/alarmed/agree', { as: 'cloud' })).headers.get('x-error-code'),
    'FORBIDDEN',
  );
});

test('a list too long for one write arrives whole, also at a slow reader', async t => {
  const service = diskDouble();
  const one = service.get({ account: 'test', role: 'user' }, FIRST);
  const many = Array.from({ length: 30_000 }, (_, index) => ({ ...one, tag: `disk ${index} ü` }));
  const { port, ask } = await startServer(t, diskDouble({ list: () => many }));
  const { text, headers } = await ask('GET', '/api/disks');
  const tags = JSON.parse(text).map((disk: { tag: string }) => disk.tag);
  t.deepEqual(
    tags,
    many.map(disk => disk.tag),
  );
  t.is(headers.get('content-length'), String(Buffer.byteLength(text)));

  const response = await fetch(`http://127.0.0.1:${port}/api/disks`, {
    headers: { authorization: `Basic ${Buffer.from('admin:correct horse').toString('base64')}` },
  });
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    await new Promise(resolve => setImmediate(resolve));
  }
  t.is(bytes, Buffer.byteLength(text));
});

test('every answer has a request id of its own, which is in the cause and in the log', async t => {
  const causes: unknown[] = [];
  const service = diskDouble({
    async delete(_caller, _uuid, { alsoWrite: _, ...cause }) {
      causes.push(cause);
    },
  });
  const { ask, log, accounts } = await startServer(t, service);
  const admin = await accounts.verify('admin', PASSWORD);
  const first = await ask('DELETE', `/api/disks/${FIRST}?`);
  const second = await ask('GET', '/api/nothing?password=hush');
  const id = first.headers.get('x-request-id');
  t.regex(id ?? '', /^[\w-]{21}$/);
  t.not(second.headers.get('x-request-id'), id);
  t.deepEqual(causes, [{ kind: 'request', request: id, account: 'admin', accountId: admin?.id }]);
  const lines = log.map(({ request, method, path, status, code, account }) => ({
    request,
    method,
    path,
    status,
    code,
    account,
  }));
  t.deepEqual(lines, [
    {
      request: id,
      method: 'DELETE',
      path: `/api/disks/${FIRST}`,
      status: 200,
      code: undefined,
      account: 'admin',
    },
    {
      request: second.headers.get('x-request-id'),
      method: 'GET',
      path: '/api/nothing',
      status: 404,
      code: 'ROUTE_UNKNOWN',
      account: 'admin',
    },
  ]);
});
