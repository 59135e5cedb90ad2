// An older database with a newer pool: no volume is removed without a request.
import { cp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { startService } from '../../testkit/service.ts';
import { until } from '../../testkit/until.ts';
import { subscribe } from '../events/support/subscriber.ts';
import { readAt, writeAt } from '../storage/support/pool-suite.ts';

const precious = Buffer.from('precious');

test('after a restore of the database newer volumes are leftovers: kept, reported, adopted or removed by hand', async t => {
  const service = await startService({ nodes: {}, reconcile_interval: 0.1 });
  t.teardown(service.remove);
  const images = async () => (await readdir(service.pool)).filter(name => name.endsWith('.raw')).sort();
  const [old] = [await service.create()];
  await service.stop();
  const data = join(service.pool, '..');
  const yesterday = join(data, '..', 'yesterday');
  await cp(data, yesterday, { recursive: true, filter: path => path !== service.pool });
  await service.start();
  const [adopted, removed] = [await service.create(2), await service.create()];
  await writeAt(join(service.pool, `${adopted}.raw`), 0, precious);
  await service.stop();
  await rm(join(data, 'db'), { recursive: true });
  await cp(yesterday, data, { recursive: true });
  await service.start();

  const all = [old, adopted, removed].map(uuid => `${uuid}.raw`).sort();
  const leftovers = async () =>
    (await service.call('GET', '/api/leftovers')).body as { uuid: string; size: number; written: boolean }[];
  const facts = (await leftovers()).map(({ uuid, size, written }) => [uuid, size, written]);
  t.deepEqual(
    facts.sort(),
    [
      [adopted, 2 ** 31, true],
      [removed, 2 ** 30, false],
    ].sort(),
  );
  const metrics = async () => (await service.call('GET', '/metrics')).text;
  t.true((await metrics()).includes('pdisk_leftover_volumes 2\n'));
  t.true((await metrics()).includes('pdisk_drift{kind="leftover"} 2\n'));
  t.true((await metrics()).includes('pdisk_drift{kind="volume-lost"} 0\n'));
  await until(() => service.log().includes('the database seems to be older'), 'the warning in the log');
  // When a later change of the pool is reported, a file with the name of a disk, many passes have gone by.
  const subscriber = await subscribe(service.url, '', { as: 'admin:correct horse' });
  t.teardown(subscriber.close);
  await writeFile(join(service.pool, `${old}.bk`), 'a backup');
  await until(() => service.log().includes(`${old}.bk is not the disk's volume`), 'the stranger');
  const told = () =>
    subscriber
      .controls()
      .flatMap(one => (one.control === 'drift' ? [[one.kind, one.count, one.came.length]] : []));
  await until(() => told().length === 2, 'the stranger on the stream', {
    hint: () => JSON.stringify(told()),
  });
  t.deepEqual(told(), [
    ['leftover', 2, 0],
    ['stranger', 1, 1],
  ]);
  t.deepEqual(await images(), all);

  const form = { owner: 'admin', tag: 'found', visibility: 'private' };
  t.is((await service.call('POST', `/api/leftovers/${adopted}/adopt`, { form })).status, 200);
  const disk = (await service.call('GET', `/api/disks/${adopted}`)).body;
  t.like(disk, { owner: 'admin', tag: 'found', size: '2', users: '0' });
  t.is((await service.call('POST', `/api/leftovers/${removed}/remove`)).status, 200);
  t.deepEqual(await images(), [old, adopted].map(uuid => `${uuid}.raw`).sort());
  t.deepEqual(await leftovers(), []);

  // The decision is durable like any other change.
  await service.kill();
  await service.start();
  t.like((await service.call('GET', `/api/disks/${adopted}`)).body, disk as Record<string, unknown>);
  t.deepEqual(await readAt(join(service.pool, `${adopted}.raw`), 0, precious.length), precious);
  await rm(join(service.pool, `${old}.raw`));
  const kinds = ((await service.call('GET', '/api/drift')).body as { kind: string; disk: string }[]).map(
    ({ kind, disk: about }) => [kind, about],
  );
  t.deepEqual(kinds, [
    ['volume-lost', old],
    ['stranger', old],
  ]);
  for (const uuid of [adopted, old]) t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
  await rm(join(service.pool, `${old}.bk`));
  t.deepEqual((await service.call('GET', '/api/drift')).body, []);
  t.deepEqual(await images(), []);
});
