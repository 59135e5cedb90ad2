import { execFile } from 'node:child_process';
import { chmod, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { until } from '../../testkit/until.ts';
import { folder, type Spawned, START_MS, spawnService } from './support/spawned.ts';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;

/** A folder whose data folder is a file system of 32 MiB. */
async function small(t: ExecutionContext): Promise<string> {
  const directory = await folder(t);
  const data = join(directory, 'data');
  await mkdir(data);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'none', data]);
  t.teardown(() => run('umount', ['-l', data]));
  await chmod(data, 0o700);
  return directory;
}

async function fillUp(file: string): Promise<void> {
  const handle = await open(file, 'a');
  for (const size of [2 ** 20, 2 ** 12]) {
    const piece = Buffer.alloc(size, 1);
    while ((await handle.write(piece).catch(() => ({ bytesWritten: 0 }))).bytesWritten === size);
  }
  await handle.close();
}

const disksOf = async (service: Spawned): Promise<string[]> =>
  JSON.parse((await service.call('GET', '/api/disks')).text).map(({ uuid }: { uuid: string }) => uuid);

(isRoot ? test : test.skip)(
  'while its file system is full the service answers, starts, and accepts only what frees space',
  async t => {
    const directory = await small(t);
    const settings = { pool: `file:${join(directory, 'pool')}` };
    const filler = join(directory, 'data', 'filler');
    let service = await spawnService(t, directory, { settings });
    await service.serves();
    for (let disk = 0; disk < 3; disk += 1) t.is((await service.create()).status, 201);
    const held = async () => (await readdir(join(directory, 'data'))).includes('reserve');
    await until(held, 'the reserve', { timeoutMs: START_MS });
    await fillUp(filler);
    const refused = await until(async () => {
      const answer = await service.create();
      return answer.status === 201 ? false : answer;
    }, 'a creation to be refused');
    t.like(refused, { status: 507, code: 'STORE_FULL' });
    t.regex(refused.text, /file system of pdisk's database is full.*delete disks/);
    t.like(JSON.parse((await service.call('GET', '/readyz')).text), { ready: true, store: 'full' });
    const account = await service.call('PUT', '/api/users/alice', { password: PASS, role: 'user' });
    t.is(account.code, 'STORE_FULL');
    const [first = '', second = ''] = await disksOf(service);
    t.is((await service.call('DELETE', `/api/disks/${first}`)).status, 200);

    await service.end('SIGKILL');
    await fillUp(filler);
    service = await spawnService(t, directory, { settings });
    await service.serves();
    t.is((await service.create()).code, 'STORE_FULL');
    t.is((await service.call('DELETE', `/api/disks/${second}`)).status, 200);
    t.is((await disksOf(service)).includes(second), false);
    const others = (await disksOf(service)).length;

    await rm(filler);
    await until(async () => (await service.create()).status === 201, 'all to be taken again', {
      timeoutMs: START_MS,
    });
    t.is((await disksOf(service)).length, others + 1);
    t.is(await service.end(), 0);
  },
);

const PASS = 'correct horse battery';
