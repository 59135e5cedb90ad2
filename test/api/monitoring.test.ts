import test from 'ava';
import { createReadiness } from '../../src/api/health.ts';
import { createMetrics } from '../../src/api/metrics.ts';
import { errorOf } from '../../src/errors.ts';
import { cheap } from '../accounts/support/memory-store.ts';
import { diskDouble, nodeDouble } from './support/disks.ts';
import { startServer } from './support/server.ts';

const serverWith = (t: Parameters<typeof startServer>[0], metricsAccess: 'admin' | 'loopback' | 'any') =>
  startServer(t, diskDouble(), nodeDouble, cheap, { metricsAccess });

test('health and readiness are open to everybody', async t => {
  const { ask } = await startServer(t);
  const health = await ask('GET', '/healthz', { as: '' });
  t.deepEqual([health.status, health.text], [200, 'ok\n']);
  const ready = await ask('GET', '/readyz', { as: '' });
  t.deepEqual([ready.status, JSON.parse(ready.text).ready], [200, true]);
  t.is((await ask('HEAD', '/readyz', { as: '' })).text, '');
  const posted = await ask('POST', '/healthz');
  t.deepEqual([posted.status, posted.headers.get('allow')], [405, 'GET, HEAD']);
});

test('metrics are for administrators, for this computer too, or for everybody, by the setting', async t => {
  for (const [access, nobody] of [
    ['admin', 401],
    ['loopback', 200],
    ['any', 200],
  ] as const) {
    const { ask } = await serverWith(t, access);
    t.is((await ask('GET', '/metrics', { as: '' })).status, nobody, access);
    t.is((await ask('GET', '/metrics')).status, 200, access);
    const user = await ask('GET', '/metrics', { as: 'test' });
    t.is(user.status, access === 'admin' ? 400 : 200, access);
  }
});

test('requests are counted by route, method and status, and unknown URLs and methods add no series', async t => {
  const { ask } = await serverWith(t, 'any');
  await ask('GET', '/api/disks');
  await ask('GET', '/api/disks/eb198dec-3560-4a9a-b3b4-5f043410a3dd');
  await ask('GET', '/api/disks/00000000-3560-4a9a-b3b4-5f043410a3dd');
  await ask('GET', '/made/up/1');
  await ask('PURGE', '/made/up/2');
  const { text, headers } = await ask('GET', '/metrics');
  t.regex(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  t.true(text.includes('pdisk_http_requests_total{route="/api/disks",method="GET",status="200"} 1\n'));
  t.true(text.includes('pdisk_http_requests_total{route="/api/disks/:uuid",method="GET",status="200"} 1\n'));
  t.true(text.includes('pdisk_http_requests_total{route="/api/disks/:uuid",method="GET",status="400"} 1\n'));
  t.true(text.includes('pdisk_http_requests_total{route="none",method="any",status="404"} 2\n'));
  t.regex(
    text,
    /pdisk_http_request_duration_seconds_bucket\{le="0.005",route="\/api\/disks",method="GET"\} \d/,
  );
  t.regex(text, /^nodejs_eventloop_lag_p99_seconds /m);
});

test('operations are counted by kind and outcome', async t => {
  const figures = createMetrics();
  const service = diskDouble({
    async delete() {
      throw errorOf('DISK_IN_USE');
    },
  });
  const counted = figures.counted(service);
  const caller = { account: 'test', role: 'user' } as const;
  const cause = { kind: 'request' } as const;
  await counted.create(caller, { sizeGiB: 1, tag: '', visibility: 'private' }, cause);
  await t.throwsAsync(counted.delete(caller, 'x', cause), { message: /in use/ });
  t.is(counted.list(caller).length, 3);
  const text = await figures.text();
  t.true(text.includes('pdisk_operations_total{operation="create",outcome="done"} 1\n'));
  t.true(text.includes('pdisk_operations_total{operation="remove",outcome="DISK_IN_USE"} 1\n'));
  t.false(text.includes('operation="list"'));
});

test('a store that refuses, a pool that does not answer or a stop makes the service unready, a node that is away does not', async t => {
  const nodes = () => ['down' as const, 'up' as const, 'connecting' as const];
  const fine = async () => 1;
  const broken = async () => {
    throw new Error('EIO');
  };
  let isStopping = false;
  const look = (write: () => Promise<unknown>, askPool: () => Promise<unknown>) =>
    createReadiness({ write, askPool, isFull: () => false, isStopping: () => isStopping, nodes })();
  const found = {
    ready: true,
    stopping: false,
    store: 'writable',
    pool: 'usable',
    nodes: { up: 1, down: 2 },
  };
  t.deepEqual(await look(fine, fine), found as never);
  t.like(await look(broken, fine), { ready: false, store: 'failed', pool: 'usable' });
  t.like(await look(fine, broken), { ready: false, store: 'writable', pool: 'failed' });
  t.like(await look(fine, () => new Promise(() => {})), { ready: false, pool: 'failed' });
  isStopping = true;
  t.like(await look(fine, fine), { ready: false, stopping: true, store: 'writable', pool: 'usable' });
});

const idle = { isStopping: () => false, nodes: () => [] };

test('a full store is reported, and requests that free room are served', async t => {
  const fine = async () => 1;
  const readiness = createReadiness({ ...idle, write: fine, askPool: fine, isFull: () => true });
  t.like(await readiness(), { ready: true, store: 'full' });
});

test('frequent readiness checks do not make the store write often', async t => {
  let writes = 0;
  const write = async () => {
    writes += 1;
  };
  const readiness = createReadiness({ ...idle, write, askPool: write, isFull: () => false });
  await Promise.all(Array.from({ length: 100 }, readiness));
  t.is(writes, 2);
});
