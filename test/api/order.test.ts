import test from 'ava';
import { basic } from '../../testkit/http.ts';
import { diskDouble, FIRST } from './support/disks.ts';
import { startServer } from './support/server.ts';

const text = { headers: { 'content-type': 'text/plain' }, body: 'x'.repeat(20_000) };
const form = (body: string) => ({ headers: { 'content-type': 'application/x-www-form-urlencoded' }, body });

test('of several mistakes the first one in the order of the contract is answered', async t => {
  const { ask } = await startServer(t);
  const code = async (...args: Parameters<typeof ask>) => {
    const { status, headers } = await ask(...args);
    return `${status} ${headers.get('x-error-code')}`;
  };
  t.is(await code('POST', '/api/nothing', { as: '', ...text }), '401 UNAUTHENTICATED');
  t.is(await code('POST', '/api/nothing', text), '404 ROUTE_UNKNOWN');
  t.is(await code('PUT', '/api/create', text), '405 METHOD_NOT_ALLOWED');
  t.is(await code('POST', '/api/create', text), '415 MEDIA_TYPE');
  t.is(await code('POST', '/api/create', form(text.body)), '413 BODY_TOO_LARGE');
  t.is(await code('POST', '/api/hotattach/nonsense', form('node=x')), '400 BAD_INPUT');
  t.is(await code('POST', '/api/hotattach/nonsense', form('node=x&vm_id=1')), '400 DISK_UNKNOWN');
});

test('a URL whose uuid is not a UUID is answered like an unknown disk', async t => {
  const { ask } = await startServer(t);
  const unknown = FIRST.replace('e', 'f');
  const vm = { node: 'x', vm_id: '1' };
  for (const [method, path, options] of [
    ['GET', '/api/disks/', {}],
    ['DELETE', '/api/disks/', {}],
    ['POST', '/api/retry/', {}],
    ['POST', '/api/hotattach/', { form: vm }],
    ['POST', '/api/hotdetach/', { form: vm }],
    ['POST', '/api/attach/', { form: vm }],
  ] as const) {
    for (const uuid of [unknown, 'x', '%00', '%ff', '%', `${FIRST}0`]) {
      const { status, headers, text: body } = await ask(method, path + uuid, options);
      t.is(status, 400, path + uuid);
      t.is(headers.get('x-error-code'), 'DISK_UNKNOWN');
      t.regex(JSON.parse(body).message[0], /^no such disk: /);
    }
  }
});

test('unknown URLs are 404, a final slash included', async t => {
  const { ask } = await startServer(t);
  for (const path of [
    '/api',
    '/api/',
    '/api/disks/',
    `/api/disks/${FIRST}/`,
    '/api//disks',
    '/API/disks',
    '/x',
  ]) {
    const { status, reason, text: body, headers } = await ask('GET', path);
    t.deepEqual([status, reason, headers.get('x-error-code')], [404, 'Not Found', 'ROUTE_UNKNOWN'], path);
    t.deepEqual(JSON.parse(body), { message: ['there is nothing at this URL'] });
    t.is(headers.get('content-type'), 'application/json');
  }
});

test('a wrong method is 405, with the right ones in Allow', async t => {
  const { ask } = await startServer(t);
  for (const [method, path, allow] of [
    ['POST', '/api/disks', 'GET, HEAD'],
    ['OPTIONS', '/api/disks', 'GET, HEAD'],
    ['PUT', `/api/disks/${FIRST}`, 'DELETE, GET, HEAD, PATCH'],
    ['PATCH', '/api/disks', 'GET, HEAD'],
    ['GET', '/api/create', 'POST'],
    ['HEAD', '/api/create', 'POST'],
    ['GET', `/api/hotattach/${FIRST}`, 'POST'],
    ['POST', '/api/users/x', 'DELETE, PUT'],
    ['POST', `/api/disks/${FIRST}/libvirt`, 'GET, HEAD'],
  ] as const) {
    const { status, reason, headers } = await ask(method, path);
    t.deepEqual([status, reason, headers.get('allow')], [405, 'Method Not Allowed', allow], path);
  }
});

test('missing or wrong credentials are challenged, on every URL but the root', async t => {
  const { ask } = await startServer(t);
  const wrong = [
    undefined,
    basic('admin', 'wrong'),
    basic('nobody'),
    basic('Admin'),
    basic('cloud', `${'x'.repeat(1500)}`),
    'Basic',
    'Basic !!!',
    `Basic ${Buffer.from('admin').toString('base64')}`,
    `Basic ${Buffer.from([0x61, 0x3a, 0xff]).toString('base64')}`,
    'Bearer abc',
  ];
  for (const authorization of wrong) {
    for (const path of ['/api/disks', '/api/nothing', '/nothing']) {
      const {
        status,
        reason,
        headers,
        text: body,
      } = await ask('GET', path, {
        as: '',
        ...(authorization && { headers: { authorization } }),
      });
      t.deepEqual([status, reason], [401, 'Unauthorized'], `${path} ${authorization}`);
      t.is(headers.get('www-authenticate'), 'Basic realm="pdisk"');
      t.is(headers.get('x-error-code'), 'UNAUTHENTICATED');
      t.deepEqual(JSON.parse(body), { message: ['valid credentials are required'] });
    }
  }
  t.is((await ask('POST', '/', { as: '' })).status, 401);
  t.is((await ask('POST', '/')).status, 405);
});

test('the scheme of the credentials may be written in any case', async t => {
  const { ask } = await startServer(t);
  const authorization = basic('test').replace('Basic', 'bAsIc');
  t.is((await ask('GET', '/api/disks', { as: '', headers: { authorization } })).status, 200);
});

test('a request whose account is removed while its body arrives is refused', async t => {
  const { raw, accounts, service, log } = await startServer(t, diskDouble());
  const body = 'node=x&vm_id=1';
  const answer = await new Promise<string>((resolve, reject) => {
    // The server has read the head once its interim answer (100 Continue) arrives.
    raw(
      `POST /api/detach HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${basic('cloud')}\r\n` +
        'Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n',
      (received, socket) => {
        if (received === 'HTTP/1.1 100 Continue\r\n\r\n') {
          const remove = async () => {
            const admin = await accounts.verify('admin', 'correct horse');
            if (!admin) throw new Error('no administrator');
            await accounts.remove(admin, 'cloud', () => false);
            socket.write(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
          };
          remove().catch(reject);
        }
        return received.includes('UNAUTHENTICATED');
      },
    ).then(resolve, reject);
  });
  t.regex(answer, /HTTP\/1.1 401 Unauthorized/);
  t.deepEqual(service.calls, []);
  t.is(log.length, 1);
});
