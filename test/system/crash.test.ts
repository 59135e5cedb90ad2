import { readdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { bootGuest } from '../../testkit/guest.ts';
import { beforeLibvirtTests, libvirtTest } from '../../testkit/libvirt-test.ts';
import { type Libvirtd, startLibvirtd } from '../../testkit/libvirtd.ts';
import { leftOver } from '../../testkit/nothing-left.ts';
import { type Reply, type Service, startService } from '../../testkit/service.ts';
import { until } from '../../testkit/until.ts';

/**
 * How many times each operation is interrupted, each time a little later; together they cover about the
 * duration of the operation.
 */
const ROUNDS = 8;

let libvirtd: Libvirtd;
let service: Service;

const vm = { form: { node: 'onehost-1', vm_id: '31' } };

beforeLibvirtTests(async () => {
  libvirtd = await startLibvirtd();
  await bootGuest(libvirtd, { name: 'one-31' });
  service = await startService({ nodes: { 'onehost-1': libvirtd.uri }, reconcile_interval: 5 });
});

test.after.always(async () => {
  await service?.remove();
  await libvirtd?.stop();
});

test.afterEach.always(t => {
  if (!t.passed) t.log(service?.log().slice(-3000));
});

interface Truth {
  readonly disks: readonly string[];
  readonly volumes: readonly string[];
  readonly inUse: readonly string[];
  readonly plugged: readonly string[];
}

/** What the API, the pool and the domain show. */
async function look(): Promise<Truth> {
  const disks = (await service.call('GET', '/api/disks')).body as { uuid: string; users: string }[];
  const files = await readdir(service.pool);
  const devices = (await leftOver({ libvirtds: [libvirtd] })).filter(line => line.startsWith('live'));
  return {
    disks: disks.map(one => one.uuid).sort(),
    volumes: files.flatMap(name => /^(.*)\.raw/.exec(name)?.[1] ?? []).sort(),
    inUse: disks
      .filter(one => one.users !== '0')
      .map(one => one.uuid)
      .sort(),
    plugged: devices.map(line => line.slice(-36)).sort(),
  };
}

const same = (a: readonly string[], b: readonly string[]): boolean => a.join() === b.join();

/** Sends a request and kills the service meanwhile; then starts it again and waits until all three agree. */
async function cutOff(
  t: ExecutionContext,
  send: () => Promise<Reply>,
  afterMs: number,
): Promise<{ reply: Reply | undefined; truth: Truth }> {
  const sent = send().catch(() => undefined);
  await delay(afterMs);
  await service.kill();
  const reply = await sent;
  await service.start();
  let truth = await look();
  await until(
    async () => {
      truth = await look();
      return same(truth.disks, truth.volumes) && same(truth.inUse, truth.plugged);
    },
    `API, pool and domain to agree after a kill at ${afterMs} ms`,
    { hint: () => JSON.stringify(truth) },
  );
  t.log(`killed after ${Math.round(afterMs)} ms: ${reply ? reply.status : 'no answer'}`);
  return { reply, truth };
}

const moments = (wholeMs: number): number[] =>
  Array.from({ length: ROUNDS }, (_, round) => ((round + Math.random()) * wholeMs) / ROUNDS);

libvirtTest('a service that is killed in a create has the disk or has nothing', async t => {
  for (const moment of moments(16)) {
    const form = { size: '1', tag: '', visibility: 'private' };
    const { reply, truth } = await cutOff(t, () => service.call('POST', '/api/create', { form }), moment);
    if (reply?.status === 201) t.true(truth.disks.includes((reply.body as { uuid: string }).uuid));
    for (const uuid of truth.disks) t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
    t.deepEqual(await leftOver({ pool: service.pool, libvirtds: [libvirtd] }), []);
  }
});

libvirtTest('a service that is killed in a hotattach has the disk plugged or free', async t => {
  const uuid = await service.create();
  for (const moment of moments(80)) {
    const { reply, truth } = await cutOff(
      t,
      () => service.call('POST', `/api/hotattach/${uuid}`, vm),
      moment,
    );
    if (reply?.status === 200) t.deepEqual(truth.plugged, [uuid]);
    if (truth.plugged.length > 0)
      t.is((await service.call('POST', `/api/hotdetach/${uuid}`, vm)).status, 200);
  }
  t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
  t.deepEqual(await leftOver({ pool: service.pool, libvirtds: [libvirtd] }), []);
});

libvirtTest('a service that is killed in a hotdetach has the disk plugged or free', async t => {
  const uuid = await service.create();
  for (const moment of moments(160)) {
    const on = await service.call('POST', `/api/hotattach/${uuid}`, vm);
    t.is(on.status, 200, on.text);
    const { reply, truth } = await cutOff(
      t,
      () => service.call('POST', `/api/hotdetach/${uuid}`, vm),
      moment,
    );
    if (reply?.status === 200) t.deepEqual(truth.plugged, []);
    if (truth.plugged.length > 0)
      t.is((await service.call('POST', `/api/hotdetach/${uuid}`, vm)).status, 200);
  }
  t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
  t.deepEqual(await leftOver({ pool: service.pool, libvirtds: [libvirtd] }), []);
});

libvirtTest('a service that is killed in a delete has the whole disk or nothing of it', async t => {
  for (const moment of moments(16)) {
    const uuid = await service.create();
    const { reply, truth } = await cutOff(t, () => service.call('DELETE', `/api/disks/${uuid}`), moment);
    if (reply?.status === 200) t.deepEqual(truth.disks, []);
    if (truth.disks.length > 0) t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
    t.deepEqual(await leftOver({ pool: service.pool, libvirtds: [libvirtd] }), []);
  }
});
