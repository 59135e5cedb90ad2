import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import test from 'ava';
import { pino } from 'pino';
import { createApi } from '../../src/api/server.ts';
import { errorOf } from '../../src/errors.ts';
import { basic, idleConnection, request } from '../../testkit/http.ts';
import { eventParts } from '../events/support/parts.ts';
import { auditInMemory } from './support/audit.ts';
import {
  chartDouble,
  diskDouble,
  driftDouble,
  explainDouble,
  FIRST,
  leftoverDouble,
  nodeDouble,
} from './support/disks.ts';
import { answers } from './support/once.ts';
import { monitoring, plain, startServer } from './support/server.ts';

const form = 'Content-Type: application/x-www-form-urlencoded';

function until(holds: () => boolean): Promise<void> {
  const limit = Date.now() + 60_000;
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (holds()) resolve();
      else if (Date.now() > limit) reject(new Error('it never came true'));
      else setTimeout(look, 5);
    };
    look();
  });
}

/** A call in progress, and the means to end it. */
function held(): { begun: Promise<void>; begin(): Promise<void>; end(): void } {
  let begin = (): void => {};
  let end = (): void => {};
  const begun = new Promise<void>(resolve => {
    begin = resolve;
  });
  const ended = new Promise<void>(resolve => {
    end = resolve;
  });
  return {
    begun,
    begin() {
      begin();
      return ended;
    },
    end: () => end(),
  };
}

test('a handler that throws is a 500 without details, and the next request is served', async t => {
  const service = diskDouble({
    list() {
      throw new Error('a secret of the house');
    },
    async delete() {
      throw new TypeError('another secret');
    },
    retry() {
      throw 'not even an error';
    },
  });
  const { ask, log } = await startServer(t, service);
  for (const [method, path] of [
    ['GET', '/api/disks'],
    ['HEAD', '/api/disks'],
    ['DELETE', `/api/disks/${FIRST}`],
    ['POST', `/api/retry/${FIRST}`],
  ] as const) {
    const { status, reason, headers, text } = await ask(method, path);
    t.deepEqual([status, reason, headers.get('x-error-code')], [500, 'Internal Server Error', 'INTERNAL']);
    t.false(text.includes('secret'));
    const failure = log.find(line => line.request === headers.get('x-request-id') && line.err);
    t.truthy(failure, path);
  }
  t.true(JSON.stringify(log).includes('a secret of the house'));
  t.is((await ask('GET', `/api/disks/${FIRST}`)).status, 200);
});

test('an answer that cannot be written ends its own connection only', async t => {
  const service = diskDouble({
    element: async () => undefined as never,
    hotattach: async () => ({ target: 1n as never, uuids: [] }),
    list: () => [{} as never],
    get: () => null as never,
  });
  const { ask, port, raw, log } = await startServer(t, service);
  const vm = 'node=x&vm_id=1';
  const form = ['Content-Type: application/x-www-form-urlencoded', `Content-Length: ${vm.length}`];
  for (const bytes of [
    request(`GET /api/disks/${FIRST}/libvirt?${vm}`),
    request(`HEAD /api/disks/${FIRST}/libvirt?${vm}`),
    request(`POST /api/hotattach/${FIRST}`, form, vm),
    request('GET /api/disks'),
    request(`GET /api/disks/${FIRST}`),
  ]) {
    const idle = await idleConnection(port);
    t.regex(await raw(bytes).catch(() => ''), /^(HTTP\/1\.1 (500|200) [\s\S]*)?$/, bytes);
    t.is((await ask('GET', '/')).status, 200);
    t.true(await idle.end(), 'it was cut for lack of use');
  }
  t.true(log.some(line => Number(line.level) >= 50));
});

test('errors that are worth a retry have Retry-After', async t => {
  const service = diskDouble({
    async delete() {
      throw errorOf('POOL_UNAVAILABLE', { detail: 'it is not mounted' });
    },
    async retry() {
      throw errorOf('POOL_FULL');
    },
  });
  const { ask, log } = await startServer(t, service);
  const unavailable = await ask('DELETE', `/api/disks/${FIRST}`);
  t.deepEqual([unavailable.status, unavailable.reason], [503, 'Service Unavailable']);
  t.regex(unavailable.headers.get('retry-after') ?? '', /^\d+$/);
  t.deepEqual(JSON.parse(unavailable.text), { message: ['the pool cannot be used: it is not mounted'] });
  const full = await ask('POST', `/api/retry/${FIRST}`);
  t.deepEqual(
    [full.status, full.reason, full.headers.get('retry-after')],
    [507, 'Insufficient Storage', null],
  );
  t.like(log[0], { code: 'POOL_UNAVAILABLE', messages: ['the pool cannot be used: it is not mounted'] });
});

test('clients that disconnect, in any phase, break nothing', async t => {
  const call = held();
  const service = diskDouble({
    async delete() {
      await call.begin();
    },
  });
  const { ask, port, log } = await startServer(t, service);
  const phases = [
    'GET /api/disks HT',
    request('POST /api/detach', [form, 'Content-Length: 14'], 'node=x'),
    request('POST /api/detach', [form, 'Transfer-Encoding: chunked'], '6\r\nnode=x\r\n'),
    request('POST /api/detach', [form, 'Content-Length: 14']).replace(
      basic('admin'),
      basic('admin', 'wrong'),
    ),
    request(`DELETE /api/disks/${FIRST}`),
  ];
  for (const bytes of phases) {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(bytes);
    if (bytes.startsWith('DELETE')) await call.begun;
    else await ask('GET', '/');
    socket.resetAndDestroy();
    await once(socket, 'close');
  }
  await until(() => log.filter(line => line.aborted).length >= 2);
  call.end();
  await until(() => log.some(line => line.method === 'DELETE'));
  t.deepEqual(service.calls, []);
  t.is((await ask('GET', '/api/disks')).status, 200);
});

test('a client that sends the next request before a slow answer is disconnected, and only that client', async t => {
  const call = held();
  const service = diskDouble({
    async delete() {
      await call.begin();
    },
  });
  const { ask, raw, log } = await startServer(t, service);
  t.is(await raw(request(`DELETE /api/disks/${FIRST}`) + request('GET /'), () => false), '');
  call.end();
  await until(() => log.some(line => line.aborted));
  t.is((await ask('GET', '/')).status, 200);
});

test('a client that reads nothing does not make the server hold all its answers', async t => {
  const service = diskDouble();
  const one = service.get({ account: 'test', role: 'user' }, FIRST);
  const big = Array.from({ length: 50_000 }, () => one);
  const { ask, port, log } = await startServer(t, diskDouble({ list: () => big }));
  const before = process.memoryUsage().rss;
  const sockets = Array.from({ length: 30 }, () => connect(port, '127.0.0.1'));
  for (const socket of sockets) {
    socket.on('error', () => {});
    socket.pause();
    socket.write(request('GET /api/disks'));
  }
  const answer = await ask('GET', '/api/disks');
  const grown = process.memoryUsage().rss - before;
  t.true(grown < 15 * answer.text.length, `${grown} bytes for 30 answers of ${answer.text.length}`);
  for (const socket of sockets) socket.destroy();
  await until(() => log.length >= 31);
  t.is((await ask('GET', '/')).status, 200);
});

test('stopping waits for requests in progress and refuses new ones', async t => {
  const call = held();
  const service = diskDouble({
    async delete() {
      await call.begin();
    },
  });
  const { ask, raw, stop, port } = await startServer(t, service);
  const deleting = ask('DELETE', `/api/disks/${FIRST}`);
  await call.begun;

  let stopping: Promise<void> | undefined;
  const refused = await raw(request('GET /'), (received, socket) => {
    if (!stopping && received.endsWith('pdisk\n')) {
      stopping = stop(20_000);
      socket.write(request('GET /api/disks'));
    }
    return false;
  });
  t.regex(refused, /HTTP\/1\.1 503 Service Unavailable\r\n[\s\S]*X-Error-Code: STOPPING/);
  t.regex(refused, /Retry-After: \d+\r\n/);
  t.regex(refused, /Connection: close\r\n/);
  const late = connect(port, '127.0.0.1');
  const [error] = await once(late, 'error');
  t.is(error.code, 'ECONNREFUSED');

  call.end();
  const { status, headers } = await deleting;
  t.deepEqual([status, headers.get('connection')], [200, 'close']);
  await stopping;
});

test('while changes in progress are waited for, reads are answered, and no other change is begun', async t => {
  const call = held();
  const service = diskDouble({
    async delete() {
      await call.begin();
    },
  });
  const { ask, raw, drain, stop } = await startServer(t, service);
  const deleting = ask('DELETE', `/api/disks/${FIRST}`);
  await call.begun;
  let draining: Promise<void> | undefined;
  const form = 'tag=late';
  const head = request(`PATCH /api/disks/${FIRST}`, [
    'Content-Type: application/x-www-form-urlencoded',
    `Content-Length: ${form.length}`,
    'Expect: 100-continue',
  ]);
  // A request whose body comes when the end has begun.
  const late = await raw(head, (received, socket) => {
    if (!draining && received.startsWith('HTTP/1.1 100 Continue')) {
      draining = drain(3_600_000);
      socket.write(form);
    }
    return received.endsWith('}');
  });
  t.regex(late, /HTTP\/1\.1 503 [\s\S]*X-Error-Code: STOPPING/);
  t.is((await ask('GET', '/api/disks')).status, 200);
  t.is((await ask('POST', '/api/create', { form: { size: '1' } })).headers.get('x-error-code'), 'STOPPING');
  t.deepEqual(service.calls, []);
  call.end();
  t.is((await deleting).status, 200);
  await draining;
  await stop(0);
});

test('stopping does not wait for ever', async t => {
  const call = held();
  const { ask, stop } = await startServer(
    t,
    diskDouble({
      async delete() {
        await call.begin();
      },
    }),
  );
  const deleting = ask('DELETE', `/api/disks/${FIRST}`);
  await call.begun;
  const rejected = t.throwsAsync(deleting);
  await stop(50);
  await rejected;
  call.end();
});

test('a log that cannot be written loses no answer', async t => {
  const { accounts } = await startServer(t);
  const service = diskDouble({
    list() {
      throw new Error('for the log');
    },
  });
  const full = {
    write() {
      throw new Error('no space left on device');
    },
  };
  const { events } = await eventParts(accounts, service);
  const log = pino({}, full);
  const api = createApi({
    service,
    nodes: nodeDouble,
    leftovers: leftoverDouble(),
    drift: driftDouble,
    charts: chartDouble,
    explain: explainDouble,
    audit: await auditInMemory(),
    accounts,
    answers: await answers(),
    events,
    monitoring: monitoring(),
    log,
    settings: plain,
  });
  t.teardown(() => api.stop(0));
  const { port } = await api.listen('127.0.0.1', 0);
  const headers = { authorization: basic('admin') };
  for (const [path, status] of [
    ['/', 200],
    ['/api/disks', 500],
    [`/api/disks/${FIRST}`, 200],
  ] as const) {
    t.is((await fetch(`http://127.0.0.1:${port}${path}`, { headers })).status, status);
  }
});

test('a port in use is an error that says so, also where another pdisk uses it', async t => {
  const { port, accounts } = await startServer(t);
  const log = pino({ level: 'silent' });
  const service = diskDouble();
  const { events } = await eventParts(accounts, service);
  const second = createApi({
    service,
    nodes: nodeDouble,
    leftovers: leftoverDouble(),
    drift: driftDouble,
    charts: chartDouble,
    explain: explainDouble,
    audit: await auditInMemory(),
    accounts,
    answers: await answers(),
    events,
    monitoring: monitoring(),
    log,
    settings: plain,
  });
  t.teardown(() => second.stop(0));
  await t.throwsAsync(second.listen('127.0.0.1', port), {
    message: new RegExp(`port ${port}: .*EADDRINUSE`),
  });

  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.teardown(() => other.close());
  const address = other.address();
  const taken = typeof address === 'object' && address ? address.port : 0;
  await t.throwsAsync(second.listen('127.0.0.1', taken), { message: /EADDRINUSE/ });
});
