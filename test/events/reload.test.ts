import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { eventSite } from './support/site.ts';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../api/support/tls/${name}`, import.meta.url));

test('streams that are open stay open when the certificate is reloaded', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-reload-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const tls = { certificate: join(directory, 'crt'), key: join(directory, 'key') };
  const install = async (name: string): Promise<void> => {
    await copyFile(fixture(`${name}.crt`), tls.certificate);
    await copyFile(fixture(`${name}.key`), tls.key);
  };
  await install('first');
  const site = await eventSite(t, {}, { tls });
  const before = await site.subscribe();
  await before.untilMessages(1);
  await install('second');
  site.api.reloadCertificate();
  const after = await site.subscribe();
  await after.untilMessages(1);
  before.pause();
  for (let count = 0; count < 5000; count += 1) site.add();
  await after.untilSequence(5000);
  before.resume();
  await before.untilSequence(5000);
  t.deepEqual([before.sequences().length, after.sequences().length], [5000, 5000]);
});
