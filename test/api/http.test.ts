import test from 'ava';
import { basic, idleConnection, request } from '../../testkit/http.ts';
import { diskDouble, FIRST } from './support/disks.ts';
import { startServer } from './support/server.ts';

const form = 'Content-Type: application/x-www-form-urlencoded';
const closed = () => false;

test('HEAD has the headers of GET and no body, and the connection goes on', async t => {
  const { raw } = await startServer(t);
  for (const path of [
    '/',
    '/api/disks',
    `/api/disks/${FIRST}`,
    '/api/users',
    '/api/nothing',
    '/api/create',
  ]) {
    const both = await raw(request(`HEAD ${path}`) + request(`GET ${path}`), received =>
      /HTTP\/1\.1 [\s\S]*HTTP\/1\.1 [\s\S]*\r\n\r\n[\s\S]/.test(received),
    );
    const [head = '', get = ''] = both.split('HTTP/1.1 ').slice(1);
    const shape = (text: string) =>
      text
        .slice(0, text.indexOf('\r\n\r\n'))
        .split('\r\n')
        .filter(line => !/^(Date|X-Request-Id):/.test(line))
        .sort();
    if (path !== '/api/create') t.deepEqual(shape(head), shape(get), path);
    t.true(head.endsWith('\r\n\r\n'), path);
    t.regex(head, /Content-Length: [1-9]\d*\r\n/);
  }
});

test('HEAD and GET of the root need no credentials', async t => {
  const { ask } = await startServer(t);
  t.deepEqual(
    [(await ask('HEAD', '/', { as: '' })).status, (await ask('GET', '/', { as: '' })).status],
    [200, 200],
  );
});

test('HEAD tells whether a disk exists', async t => {
  const { ask } = await startServer(t);
  const there = await ask('HEAD', `/api/disks/${FIRST}`);
  t.deepEqual([there.status, there.headers.get('x-diskuser-remaining'), there.text], [200, '1', '']);
  t.is((await ask('HEAD', `/api/disks/${FIRST.replace('e', 'f')}`)).status, 400);
});

test('HEAD of a long list has no body either', async t => {
  const service = diskDouble();
  const one = service.get({ account: 'test', role: 'user' }, FIRST);
  const { raw } = await startServer(t, diskDouble({ list: () => Array.from({ length: 2000 }, () => one) }));
  const answers = await raw(request('HEAD /api/disks') + request('GET /'), received =>
    received.endsWith('pdisk\n'),
  );
  t.regex(answers, /Content-Length: \d{6}\r\n/);
  t.is(answers.length < 1000, true);
});

test('two different Content-Length headers are refused and the connection is cut: the rest is no request', async t => {
  const { ask, port, raw, service } = await startServer(t);
  const smuggled = request(`DELETE /api/disks/${FIRST}`);
  for (const [first, body] of [
    ['0', ''],
    ['', ''],
    [' ', ''],
    ['14', 'node=x&vm_id=1'],
    ['0', 'node=x&vm_id=1'],
  ] as const) {
    const headers = [form, `Content-Length: ${first}`, `Content-Length: ${body.length + smuggled.length}`];
    const idle = await idleConnection(port);
    const answer = await raw(request('POST /api/detach', headers, body + smuggled), closed);
    t.is((await ask('GET', '/')).status, 200);
    t.true(await idle.end(), 'it was cut for lack of use');
    t.regex(answer, /^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*\r\nConnection: close\r\n/);
    t.is(answer.match(/HTTP\/1\.1/g)?.length, 1);
    const [head = '', text = ''] = answer.split('\r\n\r\n');
    t.is(head.match(/Content-Length: (\d+)/)?.[1], String(text.length));
    t.regex(JSON.parse(text).message[0], /Content-Length/);
  }
  t.deepEqual(service.calls, []);
});

test('a request without a clear end does nothing', async t => {
  const { raw, service } = await startServer(t);
  for (const headers of [
    ['Content-Length: abc'],
    ['Content-Length: -1'],
    ['Content-Length: 3, 3'],
    ['Content-Length: 99999999999999999999'],
    ['Transfer-Encoding: gzip'],
    ['Transfer-Encoding: gzip, chunked'],
    ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'],
    ['Transfer-Encoding: chunked', 'Content-Length: 3'],
  ]) {
    const answer = await raw(request(`DELETE /api/disks/${FIRST}`, headers, 'abc'), closed);
    t.regex(answer, /^HTTP\/1\.1 400 Bad Request\r\n/, headers.join());
  }
  t.deepEqual(service.calls, []);
});

test('the same Content-Length twice is accepted', async t => {
  const { raw } = await startServer(t);
  const body = 'node=x&vm_id=1';
  const headers = [form, `Content-Length: ${body.length}`, `Content-Length: ${body.length}`];
  t.regex(await raw(request('POST /api/detach', headers, body)), /^HTTP\/1\.1 200 OK/);
});

test('a body of 16 KiB is read, one byte more is 413, and the connection goes on', async t => {
  const { raw, service } = await startServer(t);
  const start = 'node=x&vm_id=1';
  const body = start + '&'.repeat(16 * 1024 - start.length);
  const chunked = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
  const length = (text: string) => [form, `Content-Length: ${text.length}`];
  const inChunks = [form, 'Transfer-Encoding: chunked'];
  t.regex(await raw(request('POST /api/detach', length(body), body)), /^HTTP\/1\.1 200/);
  t.regex(await raw(request('POST /api/detach', inChunks, chunked(body))), /^HTTP\/1\.1 200/);
  const next = request('GET /');
  const both = (received: string) => received.endsWith('pdisk\n');
  for (const longer of [`${body}&`, `${body}${'&'.repeat(500_000)}`]) {
    const refused =
      /^HTTP\/1\.1 413 Payload Too Large\r\n[\s\S]*X-Error-Code: BODY_TOO_LARGE[\s\S]*HTTP\/1\.1 200 OK/;
    t.regex(await raw(request('POST /api/detach', length(longer), longer) + next, both), refused);
    t.regex(await raw(request('POST /api/detach', inChunks, chunked(longer)) + next, both), refused);
  }
  t.is(service.calls.length, 2);
});

test('the server does not wait for a body that is far too large', async t => {
  const { raw } = await startServer(t);
  const announced = await raw(request('POST /api/detach', [form, 'Content-Length: 2000000']), closed);
  t.regex(
    announced,
    /^HTTP\/1\.1 413 Payload Too Large\r\nConnection: close|^HTTP\/1\.1 413[\s\S]*Connection: close/,
  );
  const unauthenticated = await raw(
    'POST /api/detach HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n',
    closed,
  );
  t.regex(unauthenticated, /^HTTP\/1\.1 401[\s\S]*Connection: close/);
  const chunk = `${(1_200_000).toString(16)}\r\n${'&'.repeat(1_200_000)}`;
  const inChunks = await raw(
    request('POST /api/detach', [form, 'Transfer-Encoding: chunked'], chunk),
    closed,
  );
  t.regex(inChunks, /^HTTP\/1\.1 413/);
});

test('a body in many pieces is put together', async t => {
  const { raw, service } = await startServer(t);
  const body = 'node=onehost-2&vm_id=722';
  const chunks = [...body].map(letter => `1\r\n${letter}\r\n`).join('');
  const answer = await raw(
    request('POST /api/detach', [form, 'Transfer-Encoding: chunked'], `${chunks}0\r\n\r\n`),
  );
  t.regex(answer, /^HTTP\/1\.1 200 OK/);
  t.deepEqual(service.calls, [['detach', { node: 'onehost-2', vmId: '722' }]]);
});

test('a client that sends Expect: 100-continue is told to go on', async t => {
  const { raw } = await startServer(t);
  const body = 'node=x&vm_id=1';
  const headers = [form, `Content-Length: ${body.length}`, 'Expect: 100-continue'];
  let sent = false;
  const answer = await raw(request('POST /api/detach', headers), (received, socket) => {
    if (!sent && received.startsWith('HTTP/1.1 100 Continue')) {
      sent = true;
      socket.write(body);
    }
    return received.includes('"uuid"');
  });
  t.regex(answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
});

test('a GET with a body is answered like one without, and the next request is understood', async t => {
  const { raw } = await startServer(t);
  const both = request('GET /api/users', ['Content-Length: 3'], 'abc') + request('GET /');
  const answers = await raw(both, received => received.endsWith('pdisk\n'));
  t.is(answers.match(/HTTP\/1\.1 200 OK/g)?.length, 2);
});

test('a URL with bytes that are not text is an unknown URL', async t => {
  const { raw } = await startServer(t);
  t.regex(await raw(Buffer.from(request('GET /\xe4\xff?\xfc=1'), 'latin1')), /^HTTP\/1\.1 404/);
  t.regex(
    await raw(Buffer.from(request('GET /api/disks/\xff'), 'latin1')),
    /^HTTP\/1\.1 400[\s\S]*DISK_UNKNOWN/,
  );
});

test('methods are case-sensitive, and unknown ones are not allowed', async t => {
  const { raw } = await startServer(t);
  for (const method of ['get', 'FOO', 'Delete']) {
    t.regex(
      await raw(request(`${method} /api/disks/${FIRST}`)),
      /^HTTP\/1\.1 405 Method Not Allowed/,
      method,
    );
  }
});

test('an upgrade to WebSocket is answered like any request', async t => {
  const { raw } = await startServer(t);
  const headers = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Key: AA==',
    'Sec-WebSocket-Version: 13',
  ];
  t.regex(await raw(request('GET /api/nothing', headers)), /^HTTP\/1\.1 404/);
});

test('credentials and bodies are not in the log', async t => {
  const { ask, log } = await startServer(t);
  await ask('PUT', '/api/users/new', { form: { password: 'a very secret word', role: 'user' } });
  await ask('GET', '/api/users', { headers: { authorization: basic('admin', 'mistyped secret') } });
  await ask('PUT', '/api/users/new', { form: { password: 'short', role: 'boss' } });
  t.is(log.length, 3);
  const text = JSON.stringify(log);
  for (const secret of [
    'a very secret',
    'correct horse',
    'mistyped',
    'short',
    'Basic',
    basic('admin').slice(6),
  ]) {
    t.false(text.includes(secret), secret);
  }
});
