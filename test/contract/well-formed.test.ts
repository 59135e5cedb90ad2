// Requests and answers are well-formed to their end; a request that is malformed or ambiguous does nothing.
import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'ava';
import { basic, request } from '../../testkit/http.ts';
import { until } from '../../testkit/until.ts';
import { type Site, startSite } from './support/site.ts';

let site: Site;
test.before(async () => {
  site = await startSite();
});
test.after.always(() => site?.end());

const form = 'Content-Type: application/x-www-form-urlencoded';
const chunked = [form, 'Transfer-Encoding: chunked'];
const whole = () => false;

/** A body that creates a disk with this tag. */
const making = (tag: string) => `size=1&tag=${tag}&visibility=private`;
const inChunks = (body: string) => `${body.length.toString(16)}\r\n${body}\r\n0\r\n`;
const create = (tag: string) => {
  const body = making(tag);
  return request('POST /api/create', [form, `Content-Length: ${body.length}`], body);
};
const tagged = async (tag: string): Promise<number> =>
  JSON.parse((await site.ask('GET', `/api/disks?view=full&tag=${tag}`)).text).length;
const answered = (received: string): string[] => received.match(/HTTP\/1\.1 \d+/g) ?? [];

/**
 * Sends two parts, the second after the service has certainly read the first; resolves with everything that
 * came back.
 */
async function inTwo(first: string, second: string, looked: () => Promise<unknown>): Promise<string> {
  const socket = connect(Number(new URL(site.service.url).port), '127.0.0.1');
  await once(socket, 'connect');
  let received = '';
  socket.setEncoding('latin1').on('data', data => {
    received += data;
  });
  socket.write(first);
  await looked();
  // Half-closing is allowed: a client that has sent everything still waits for the answer.
  socket.end(second);
  await once(socket, 'close', { signal: AbortSignal.timeout(60_000) });
  return received;
}

test('a request with trailer fields behind its body does nothing', async t => {
  for (const [tag, headers] of [
    ['trailed', chunked],
    ['announced', [...chunked, 'Trailer: X-Sum']],
  ] as const) {
    const bytes = request('POST /api/create', headers, `${inChunks(making(tag))}X-Sum: 1\r\n\r\n`);
    const answer = await site.raw(bytes, whole);
    t.regex(answer, /^HTTP\/1\.1 (400|505) /, tag);
    t.is(answered(answer).length, 1);
    t.is(await tagged(tag), 0);
  }
});

test('a well-formed chunked body is accepted', async t => {
  const bytes = request('POST /api/create', chunked, `${inChunks(making('chunked'))}\r\n`);
  t.regex(await site.raw(bytes), /^HTTP\/1\.1 201 /);
  t.is(await tagged('chunked'), 1);
});

test('a change with another request behind it in the same packet is not done, or is answered', async t => {
  const uuid = await site.create();
  for (const [tag, next] of [
    ['read', request('GET /')],
    ['deleted', request(`DELETE /api/disks/${uuid}`)],
    ['older', 'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n'],
  ] as const) {
    const answer = await site.raw(create(tag) + next, whole).catch(() => '');
    t.is(await tagged(tag), answered(answer).includes('HTTP/1.1 201') ? 1 : 0, tag);
  }
  t.is((await site.ask('GET', `/api/disks/${uuid}`)).status, 200);
});

test('a request that comes while a change is in progress waits for its turn, and both are answered', async t => {
  let letGo = (): void => {};
  const held = new Promise<void>(resolve => {
    letGo = resolve;
  });
  const uuid = await site.create();
  site.n2.faults.inject('domainAttachDeviceFlags', { kind: 'delay', until: held });
  const body = `node=n2&vm_id=${site.addVm('n2')}`;
  const first = request(`POST /api/hotattach/${uuid}`, [form, `Content-Length: ${body.length}`], body);
  const users = async () => JSON.parse((await site.ask('GET', `/api/disks/${uuid}`)).text).users;
  const answers = inTwo(first, request('GET /'), () =>
    until(async () => (await users()) === '1', 'the reservation'),
  );
  await until(async () => (await users()) === '1', 'the reservation');
  letGo();
  const received = await answers;
  t.deepEqual(answered(received), ['HTTP/1.1 200', 'HTTP/1.1 200']);
  t.true(received.endsWith('pdisk\n'));
});

test('trailer fields that come during a change, or later, undo nothing', async t => {
  const head = request('POST /api/create', chunked, inChunks(making('late')));
  const received = await inTwo(head, 'X-Sum: 1\r\n\r\n', () => site.ask('HEAD', '/', { as: '' }));
  t.regex(received, /^HTTP\/1\.1 201 /);
  t.is(await tagged('late'), 1);
});

test('an event stream that the service ends is well-formed to its end', async t => {
  await site.service.account('ending', 'user');
  const headers = ['Accept: text/event-stream'];
  const bytes = request('GET /api/events', headers).replace(basic('admin'), basic('ending'));
  let deleted = false;
  const received = await site.raw(bytes, (so, socket) => {
    if (!deleted && so.includes('bookmark')) {
      deleted = true;
      void site.ask('DELETE', '/api/users/ending').then(() => site.ask('HEAD', '/', { as: '' }));
    }
    return so.endsWith('\r\n0\r\n\r\n') || socket.destroyed;
  });
  let rest = received.slice(received.indexOf('\r\n\r\n') + 4);
  let size = -1;
  while (size !== 0) {
    const [, digits = 'none'] = /^([0-9a-f]+)\r\n/i.exec(rest) ?? [];
    size = Number.parseInt(digits, 16);
    t.false(Number.isNaN(size), rest);
    const body = rest.slice(digits.length + 2);
    t.is(body.slice(size, size + 2), '\r\n');
    rest = body.slice(size + 2);
  }
  t.is(rest, '');
});

test('a compressed body is refused with 415, and one with Content-Encoding: identity is accepted', async t => {
  const body = making('compressed');
  for (const [coding, status] of [
    ['gzip', 415],
    ['identity, br', 415],
    ['Identity', 201],
  ] as const) {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-encoding': coding };
    const answer = await site.ask('POST', '/api/create', { body, headers });
    t.is(answer.status, status, coding);
    if (status === 415) t.is(answer.headers.get('accept-encoding'), 'identity');
  }
  t.is(await tagged('compressed'), 1);
});

test('a request with two of a header that may occur once is refused, whatever they say', async t => {
  for (const name of ['alice', 'admin']) {
    const answer = await site.raw(request('GET /api/disks', [`Authorization: ${basic(name)}`]));
    t.regex(answer, /^HTTP\/1\.1 400 [\s\S]*X-Error-Code: BAD_REQUEST/, name);
    t.regex(answer, /two headers authorization/);
  }
  t.regex(await site.raw(request('GET /', ['Host: localhost']), whole), /^HTTP\/1\.1 400 /);
  for (const twice of [
    ['Content-Type: application/json', form],
    ['Origin: http://localhost', 'Origin: http://localhost'],
  ])
    t.regex(await site.raw(request('POST /api/detach', twice)), /^HTTP\/1\.1 400 /, twice.join());
  const lists = ['Accept: text/plain', 'Accept: */*', 'X-Request-Id: a', 'X-Request-Id: b'];
  t.regex(await site.raw(request('GET /', lists)), /^HTTP\/1\.1 200 /);
});

test('a WebSocket of another version than 13 is answered 426, with that of ours', async t => {
  const headers = ['Connection: Upgrade', 'Upgrade: websocket', `Sec-WebSocket-Key: ${'A'.repeat(22)}==`];
  for (const version of [['Sec-WebSocket-Version: 8'], []]) {
    const answer = await site.raw(request('GET /api/events', [...headers, ...version]));
    t.regex(answer, /^HTTP\/1\.1 426 Upgrade Required\r\n/);
    t.regex(answer, /\r\nSec-WebSocket-Version: 13\r\n/);
  }
  const right = [...headers, 'Sec-WebSocket-Version: 13'];
  const opened = await site.raw(request('GET /api/events', right), so => so.includes('\r\n\r\n'));
  t.regex(opened, /^HTTP\/1\.1 101 /);
});

test('caches store no answers; pages may be stored, and are revalidated', async t => {
  const uuid = await site.create();
  for (const path of ['/api/disks', `/api/disks/${uuid}`, '/api/users', '/api/tokens', '/', '/api/nothing'])
    t.is((await site.ask('GET', path)).headers.get('cache-control'), 'no-store', path);
  t.is((await site.ask('GET', '/api/docs', { as: '' })).headers.get('cache-control'), 'no-cache');
});

test('the element for a launch reserves a target, so a page of another site may not ask for it', async t => {
  const uuid = await site.create('alice');
  const vm = { node: 'n1', vm_id: 'later' };
  await site.ask('POST', `/api/attach/${uuid}`, { as: 'alice', form: vm });
  const path = `/api/disks/${uuid}/libvirt?node=n1&vm_id=later`;
  for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'http://evil.example' }])
    for (const method of ['GET', 'HEAD'])
      t.is((await site.ask(method, path, { as: 'alice', headers })).code, 'CROSS_SITE');
  const { text } = await site.ask('GET', `/api/disks/${uuid}?view=full`, { as: 'alice' });
  t.is(JSON.parse(text).attachments[0].target, null);
  t.is((await site.ask('GET', path, { as: 'alice' })).status, 200);
});

test('a number in JSON that parsing rounds is not accepted as an exact number', async t => {
  const body = (size: string) => `{"size":${size},"tag":"exact","visibility":"private"}`;
  const json = { 'content-type': 'application/json' };
  for (const size of ['1.00000000000000000001', '0.99999999999999999999', '1e-400', '1.5'])
    t.is((await site.ask('POST', '/api/create', { body: body(size), headers: json })).status, 422, size);
  for (const size of ['1', '1.0', '1.00000000000000000000', '10e-1', '"1"'])
    t.is((await site.ask('POST', '/api/create', { body: body(size), headers: json })).status, 201, size);
});
