import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { until } from '../../testkit/until.ts';
import { folder, type Spawned, START_MS, spawnService } from './support/spawned.ts';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
// A node on which no libvirtd answers: every reconciliation logs a warning.
const settings = { nodes: { away: 'qemu:///system?socket=/nonexistent' }, reconcile_interval: 0.1 };

/**
 * Checks that requests are answered while the log cannot be written, and that the lines logged between
 * requests do not end the service.
 */
async function goesOn(service: Spawned): Promise<string[]> {
  await service.serves();
  const found: string[] = [];
  for (let time = 0; time < 3; time += 1) {
    const { status } = await service.create();
    if (status !== 201) found.push(`create answered ${status}`);
  }
  const status = await service.end();
  return status === 0 ? found : [...found, `ended with ${status}`];
}

for (const [where, shell] of [
  ['stderr', 'exec "$@" 2>/dev/full'],
  ['stdout', 'unset PDISK_ADMIN_PASSWORD; exec "$@" >/dev/full'],
] as const) {
  test.serial(`a service whose ${where} is full from the start starts and serves`, async t => {
    const directory = await folder(t);
    // The account is created with a chosen password: the output with a random one would be lost.
    const first = await spawnService(t, directory);
    await first.serves();
    await first.end();
    t.deepEqual(await goesOn(await spawnService(t, directory, { settings, shell })), []);
  });
}

test.serial('a service that cannot print the first password starts nevertheless', async t => {
  const service = await spawnService(t, await folder(t), {
    shell: 'exec "$@" >/dev/full',
    env: { PDISK_ADMIN_PASSWORD: undefined },
  });
  await until(() => service.output().includes('pdisk serves'), 'the service', {
    timeoutMs: START_MS,
    hint: service.output,
  });
  t.is((await service.call('GET', '/healthz')).status, 200);
  t.is(await service.end(), 0);
});

test.serial('a service whose log is a pipe without a reader goes on', async t => {
  const service = await spawnService(t, await folder(t), { settings });
  await service.serves();
  service.child.stderr?.destroy();
  service.child.stdout?.destroy();
  t.deepEqual(await goesOn(service), []);
});

(isRoot ? test.serial : test.skip)('a service whose log runs full while it serves goes on', async t => {
  const directory = await folder(t);
  const logs = join(directory, 'logs');
  await mkdir(logs);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'none', logs]);
  t.teardown(async () => {
    await run('umount', ['-l', logs]);
    await rm(logs, { recursive: true });
  });
  const service = await spawnService(t, directory, {
    settings: { ...settings, log_level: 'debug' },
    shell: `exec "$@" 2>${join(logs, 'log')}`,
  });
  await service.serves();
  // About 250 bytes of log each.
  for (let time = 0; time < 200; time += 1) await service.call('GET', '/api/disks');
  t.deepEqual(await goesOn(service), []);
});
