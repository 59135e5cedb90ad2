// Backup and restore, with the real service and its commands as processes.
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { runCommand } from '../../testkit/command.ts';
import { type Service, startService } from '../../testkit/service.ts';
import { until } from '../../testkit/until.ts';
import { folder } from '../process/support/spawned.ts';

const PASSWORD = 'correct horse';

/** Without nodes: nothing of these tests is about VMs. */
async function running(t: ExecutionContext): Promise<Service> {
  const service = await startService({ nodes: {} });
  t.teardown(() => service.remove());
  return service;
}

const dataOf = (service: Service): string => dirname(service.pool);

interface Seen {
  readonly uuid: string;
  readonly tag: string;
}

async function disksOf(service: Service, as?: string): Promise<string[]> {
  const { body } = await service.call('GET', '/api/disks', as ? { as } : {});
  return (body as Seen[]).map(({ uuid }) => uuid).sort();
}

test('a backup of the running service brings every disk and account back, and the start tells what came later', async t => {
  const service = await running(t);
  const alice = await service.account('alice', 'user');
  const kept = await service.create(1, 'private', alice);
  const gone = await service.create();
  const file = join(await folder(t), 'backup');
  // Changes go on while it is made.
  const busy = Array.from({ length: 20 }, () => service.create());
  const made = await runCommand(service, ['backup', file]);
  t.is(made.status, 0, made.stderr);
  t.regex(made.stdout, /has all \d+ records, as they are in the running service/);
  await Promise.all(busy);
  const later = await service.create();
  await service.call('DELETE', `/api/disks/${gone}`);
  t.is((await stat(file)).mode & 0o777, 0o600);
  t.false((await readFile(file, 'utf8')).includes(PASSWORD));

  await service.kill();
  await rm(join(dataOf(service), 'db'), { recursive: true });
  const refused = await runCommand(service, ['restore', file]);
  t.is(refused.status, 1);
  t.regex(refused.stderr, /has a store already \(head, .*owner.*\); nothing was restored/);
  const restored = await runCommand(service, ['restore', file, '--replace']);
  t.is(restored.status, 0, restored.stderr);
  t.regex(restored.stdout, /records of .* are restored/);
  await service.start();
  t.true((await disksOf(service)).includes(kept));
  t.deepEqual(await disksOf(service, alice), [kept]);
  await until(() => service.log().includes(later), 'the log to tell of the later volume');
  const { body } = await service.call('GET', '/api/leftovers');
  t.true((body as Seen[]).some(({ uuid }) => uuid === later));
  t.true((await readdir(service.pool)).includes(`${later}.raw`));
  await until(() => service.log().includes(gone), 'the log to tell of the volume that is gone');
});

test('a backup of a stopped service is that of the running one', async t => {
  const service = await running(t);
  await service.create();
  const directory = await folder(t);
  const [hot, cold] = [join(directory, 'hot'), join(directory, 'cold')];
  t.is((await runCommand(service, ['backup', hot])).status, 0);
  await service.stop();
  const stopped = await runCommand(service, ['backup', cold]);
  t.is(stopped.status, 0, stopped.stderr);
  const records = async (file: string) =>
    (await readFile(file, 'utf8'))
      .split('\n')
      .filter(line => line.startsWith('[') && !line.includes('node/'));
  t.deepEqual(await records(cold), await records(hot));
  await service.start();
});

test('a backup that is cut, changed or newer restores nothing, and nor does one into a running service', async t => {
  const service = await running(t);
  await service.create();
  const directory = await folder(t);
  const file = join(directory, 'backup');
  t.is((await runCommand(service, ['backup', file])).status, 0);
  const text = await readFile(file, 'utf8');

  const running_ = await runCommand(service, ['restore', file, '--replace']);
  t.is(running_.status, 1);
  t.regex(running_.stderr, /the service of .* runs; end it first/);

  await service.stop();
  const before = await readdir(dataOf(service));
  const head = text.slice(0, text.indexOf('\n'));
  const versions = { ...JSON.parse(head).versions, disk: 99 };
  const damages: readonly (readonly [string, RegExp])[] = [
    [text.slice(0, text.length / 2), /no whole backup/],
    [text.slice(0, text.trimEnd().lastIndexOf('\n') + 1), /its end is missing/],
    [text.replace('"tag":"a disk"', '"tag":"a dusk"'), /its checksum is another/],
    [`${JSON.stringify({ ...JSON.parse(head), versions })}${text.slice(head.length)}`, /disks of version 99/],
    [`${JSON.stringify({ ...JSON.parse(head), v: 2 })}${text.slice(head.length)}`, /backup of format 2/],
    ['', /its end is missing/],
  ];
  for (const [damaged, why] of damages) {
    t.not(damaged, text);
    const bad = join(directory, 'bad');
    await writeFile(bad, damaged);
    const { status, stderr } = await runCommand(service, ['restore', bad, '--replace']);
    t.is(status, 1);
    t.regex(stderr, why);
    t.deepEqual(await readdir(dataOf(service)), before);
  }
  await service.start();
});

test('a backup that cannot be made replaces no file', async t => {
  const service = await running(t);
  const file = join(await folder(t), 'backup');
  await writeFile(file, 'an older one');
  await service.stop();
  await rename(join(dataOf(service), 'db'), join(dataOf(service), 'away'));
  const { status, stderr } = await runCommand(service, ['backup', file]);
  t.is(status, 1);
  t.regex(stderr, /there is no database in .*, but there was one/);
  t.is(await readFile(file, 'utf8'), 'an older one');
  t.deepEqual(await readdir(dirname(file)), ['backup']);
});
