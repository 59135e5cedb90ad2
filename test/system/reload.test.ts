import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { startService } from '../../testkit/service.ts';
import { until } from '../../testkit/until.ts';
import { subscribe, subscribeSse } from '../events/support/subscriber.ts';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../api/support/tls/${name}`, import.meta.url));

test('streams of both kinds stay open when SIGHUP gives the service another certificate', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-reload-'));
  const files = { tls_certificate: join(directory, 'crt'), tls_key: join(directory, 'key') };
  const install = async (name: string): Promise<void> => {
    await copyFile(fixture(`${name}.crt`), files.tls_certificate);
    await copyFile(fixture(`${name}.key`), files.tls_key);
  };
  await install('first');
  const service = await startService({ ...files, nodes: {} });
  t.teardown(async () => {
    await service.remove();
    await rm(directory, { recursive: true });
  });
  const before = [await subscribe(service.url), await subscribeSse(service.url)];
  await Promise.all(before.map(one => one.untilMessages(1)));
  await install('second');
  process.kill(service.pid ?? 0, 'SIGHUP');
  await until(() => service.log().includes('was read again'), 'the reload', { hint: service.log });
  const after = await subscribe(service.url);
  await after.untilMessages(1);

  await service.create();
  for (const one of [...before, after]) {
    await until(() => one.events().some(({ type }) => type === 'disk.created'), 'the disk');
    t.deepEqual(one.sequences(), [1, 2]);
    one.close();
  }
});
