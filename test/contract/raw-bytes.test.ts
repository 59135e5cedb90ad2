// Surprising behaviour of uWebSockets.js, seen from the network: bytes that no HTTP library would send.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { basic, request } from '../../testkit/http.ts';
import { until } from '../../testkit/until.ts';
import { type Site, startSite } from './support/site.ts';

let site: Site;
test.before(async () => {
  site = await startSite();
});
test.after.always(() => site?.end());
test.afterEach.always(async t => {
  if (!t.passed) t.log(site?.service.log().slice(-1500));
});

const form = 'Content-Type: application/x-www-form-urlencoded';
const whole = () => false;
const port = () => Number(new URL(site.service.url).port);
const isUp = async () => (await site.ask('HEAD', '/', { as: '' })).status === 200;

async function open(): Promise<Socket> {
  const socket = connect(port(), '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

test('requests that are not well-formed HTTP/1.1 are answered 400, 431 or 505, and the connection is closed', async t => {
  const authorization = `Authorization: ${basic('admin')}`;
  const cases: [string | Buffer, RegExp][] = [
    [`GET / HTTP/1.1\r\n${authorization}\r\n\r\n`, /^HTTP\/1\.1 400 /],
    [request('GET /', ['X: a\0b']), /^HTTP\/1\.1 400 /],
    [request('GET /\0'), /^HTTP\/1\.1 (400|505) /],
    ['\0\0\0\0\r\n\r\n', /^(HTTP\/1\.1 (400|505) [\s\S]*)?$/],
    ['\r\n\r\n', /^(HTTP\/1\.1 400 [\s\S]*)?$/],
    [request('POST /api/detach', [form, 'Transfer-Encoding: chunked'], 'zz\r\n'), /^HTTP\/1\.1 (400|401) /],
    [request('GET /', [`X: ${'x'.repeat(5000)}`]), /^HTTP\/1\.1 431 /],
    [
      request(
        'GET /',
        Array.from({ length: 150 }, (_, index) => `X-${index}: x`),
      ),
      /^HTTP\/1\.1 431 /,
    ],
    [request(`GET /${'x'.repeat(5000)}`), /^HTTP\/1\.1 431 /],
    ['GET / HTTP/1.0\r\nHost: localhost\r\n\r\n', /^HTTP\/1\.1 505 /],
    [request('GET http://localhost/api/disks'), /^HTTP\/1\.1 (400|505) /],
    [request('OPTIONS *'), /^HTTP\/1\.1 (400|505) /],
    ['GET / HTTP/2.0\r\nHost: localhost\r\n\r\n', /^HTTP\/1\.1 505 /],
    [Buffer.from('160301020001000102', 'hex'), /^(HTTP\/1\.1 (400|505) [\s\S]*)?$/],
  ];
  for (const [bytes, expected] of cases) {
    const answer = await site.raw(bytes, whole).catch(() => '');
    t.regex(answer, expected, String(bytes).slice(0, 60));
    t.true(await isUp());
  }
});

test('two requests in one packet are two answers, in order, and the bytes of one are never part of the other', async t => {
  const lines = ['GET /', 'HEAD /api/disks', 'GET /api/nothing', 'PUT /api/disks', 'GET /api/users', 'GET /'];
  const answers = await site.raw(
    lines.map(line => request(line)).join(''),
    so => (so.match(/pdisk\n/g)?.length ?? 0) === 2,
  );
  t.deepEqual(
    answers.match(/HTTP\/1\.1 \d+/g),
    ['200', '200', '404', '405', '200', '200'].map(status => `HTTP/1.1 ${status}`),
  );
});

test('a request behind one in progress gets none of its answer, and does nothing', async t => {
  const uuid = await site.create();
  const body = 'size=1&tag=piped&visibility=private';
  const create = request('POST /api/create', [form, `Content-Length: ${body.length}`], body);
  await site.raw(create + request(`DELETE /api/disks/${uuid}`), whole).catch(() => '');
  t.is((await site.ask('GET', `/api/disks/${uuid}`)).status, 200);
  t.true(await isUp());
});

test('smuggling: with two lengths, with a length and chunks, or with an unknown coding nothing is done, and the connection is closed', async t => {
  const uuid = await site.create();
  const hidden = request(`DELETE /api/disks/${uuid}`);
  for (const headers of [
    ['Content-Length: 0', `Content-Length: ${hidden.length}`],
    [`Content-Length: ${hidden.length}`, 'Content-Length: 0'],
    ['Content-Length: 0', 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: chunked, identity'],
    ['Transfer-Encoding: xchunked'],
    ['Content-Length: +0'],
    ['Content-Length: 0x10'],
  ]) {
    const answer = await site
      .raw(request('POST /api/detach', [form, ...headers], hidden), whole)
      .catch(() => '');
    t.true((answer.match(/HTTP\/1\.1/g)?.length ?? 0) <= 1, headers.join());
    t.regex(answer, /^(HTTP\/1\.1 400 [\s\S]*)?$/);
  }
  t.is((await site.ask('GET', `/api/disks/${uuid}`)).status, 200);
});

test('a body that comes while its login is still being checked is not lost', async t => {
  await site.service.account('late', 'user');
  const body = 'size=1&tag=late&visibility=private';
  const bytes = request('POST /api/create', [form, `Content-Length: ${body.length}`], body);
  t.regex(await site.raw(bytes.replace(basic('admin'), basic('late'))), /^HTTP\/1\.1 201 /);
});

test('clients that disconnect within a head, a body, a login or an answer break nothing', async t => {
  const uuid = await site.create();
  const parts = [
    'G',
    'GET /api/disks HTTP/1.1\r\nHos',
    request('POST /api/create', [form, 'Content-Length: 100'], 'size=1'),
    request('POST /api/create', [form, 'Transfer-Encoding: chunked'], '5\r\nsiz'),
    request('GET /api/disks').replace(basic('admin'), basic('alice', 'wrong')),
    request(`DELETE /api/disks/${uuid}`, ['Idempotency-Key: gone']),
    request('GET /api/disks'),
  ];
  for (let round = 0; round < 20; round += 1) {
    for (const bytes of parts) {
      const socket = await open();
      socket.write(bytes);
      if (round % 2 === 0) socket.resetAndDestroy();
      else socket.end();
      if (round % 2 === 1) socket.destroySoon();
    }
  }
  t.true(await isUp());
  await until(
    async () => (await site.ask('GET', `/api/disks/${uuid}`)).status === 400,
    'the end of the disk',
  );
});

/**
 * Sends a request up to 50,000 times, in groups of this size, and reads nothing. Resolves with the number of
 * answers once the connection has ended.
 */
async function insist(bytes: string, atOnce: number): Promise<number> {
  const socket = await open();
  socket.pause();
  let answers = 0;
  socket.setEncoding('latin1').on('data', text => {
    answers += String(text).split('HTTP/1.1 ').length - 1;
  });
  const closed = new Promise(resolve => socket.once('close', resolve));
  const many = Buffer.from(bytes.repeat(atOnce));
  for (let sent = 0; sent < 50_000 && !socket.destroyed; sent += atOnce) {
    if (socket.write(many)) await setImmediate();
    else await Promise.race([new Promise(resolve => socket.once('drain', resolve)), closed]);
  }
  socket.resume();
  await closed;
  return answers;
}

async function memoryMiB(): Promise<number> {
  const status = await readFile(`/proc/${site.service.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

test.serial(
  'a client that asks and asks and never reads is cut, before its answers fill the memory',
  async t => {
    const { headers } = await site.ask('GET', '/inspect');
    const stranger = 'Host: localhost\r\n\r\n';
    const before = await memoryMiB();
    const bodiless = {
      'HEAD without credentials': `HEAD / HTTP/1.1\r\n${stranger}`,
      'HEAD that is refused': `HEAD /api/disks HTTP/1.1\r\n${stranger}`,
      'GET of a copy that is right': request('GET /inspect', [`If-None-Match: ${headers.get('etag')}`]),
    };
    for (const [kind, bytes] of Object.entries(bodiless)) {
      await Promise.all(Array.from({ length: 20 }, () => insist(bytes, 200)));
      await insist(bytes, 1);
      const grown = (await memoryMiB()) - before;
      t.true(grown < 100, `${kind}: ${grown} MiB`);
    }
    // uWebSockets.js queues the part of each answer that the kernel does not take.
    for (const bytes of [`GET / HTTP/1.1\r\n${stranger}`, request('POST /api/create', ['Content-Length: 0'])])
      await insist(bytes, 200);
    t.true(await isUp());
  },
);

test('a client that reads its answers may send HEAD without limit, and is told before its connection ends', async t => {
  let connections = 0;
  for (let asked = 0; asked < 500; ) {
    connections += 1;
    const answers = await site.raw(request('HEAD /api/disks'), (received, socket) => {
      if (!received.endsWith('\r\n\r\n')) return false;
      asked += 1;
      if (!/\r\nConnection: close\r\n/.test(received) && asked < 500)
        socket.write(request('HEAD /api/disks'));
      return asked === 500;
    });
    for (const answer of answers.split('HTTP/1.1 ').slice(1))
      t.regex(answer, /^200 OK\r\nContent-Type: [\s\S]*\r\nContent-Length: \d+\r\n[\s\S]*\r\n$/);
  }
  t.true(connections > 1 && connections < 10, String(connections));
});

test('beside 10,000 idle connections others are served', async t => {
  const sockets: Socket[] = [];
  for (let batch = 0; batch < 100; batch += 1)
    sockets.push(...(await Promise.all(Array.from({ length: 100 }, open))));
  t.is(sockets.length, 10_000);
  t.true(await isUp());
  await site.create();
  for (const socket of sockets) socket.destroy();
  await until(isUp, 'the service to be up');
});

test('idle connections, and those that send byte by byte, are closed after some seconds', async t => {
  const closed = async (socket: Socket, drip?: string) => {
    let at = 0;
    const timer = setInterval(() => {
      if (drip !== undefined && at < drip.length) socket.write(drip[at++] ?? '');
    }, 500);
    await once(socket, 'close', { signal: AbortSignal.timeout(60_000) });
    clearInterval(timer);
  };
  const idle = closed(await open());
  const head = closed(await open(), request('GET /api/disks', [`X: ${'x'.repeat(500)}`]));
  const dripping = await open();
  dripping.write(request('POST /api/create', [form, 'Content-Length: 1000']));
  const body = closed(dripping, 'x'.repeat(1000));
  const resting = await open();
  resting.write(request('GET /'));
  resting.resume();
  const kept = closed(resting);
  await Promise.all([idle, head, body, kept]);
  t.true(await isUp());
});

test('a request in progress is not cut off, however long it takes', async t => {
  const own = await startSite({ attach_timeout: 120 });
  try {
    const uuid = await own.create();
    let answer = (): void => {};
    const held = new Promise<void>(resolve => {
      answer = resolve;
    });
    own.n1.faults.inject('domainAttachDeviceFlags', { kind: 'delay', until: held });
    const vm = { node: 'n1', vm_id: own.addVm() };
    const attaching = own.ask('POST', `/api/hotattach/${uuid}`, { form: vm });
    // Twice the lifetime of an idle connection.
    for (let round = 0; round < 2; round += 1) {
      const idle = connect(Number(new URL(own.service.url).port), '127.0.0.1').resume();
      await once(idle, 'close', { signal: AbortSignal.timeout(60_000) });
    }
    answer();
    t.is((await attaching).status, 200);
  } finally {
    await own.end();
  }
});
