import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { libvirtTest } from '../../testkit/libvirt-test.ts';
import { folderWith, root, run } from './support/run.ts';

const demo = join(root, 'scripts/demo');

libvirtTest('scripts/demo tells the whole story and leaves nothing behind', async t => {
  t.timeout(180_000);
  const TMPDIR = await folderWith(t, {});
  const { status, stdout, stderr } = await run(demo, [], { env: { TMPDIR } });
  t.is(status, 0, `${stdout}\n${stderr}`);
  t.regex(stdout, /\nByte for byte the same\.\n[\s\S]*\n== All went well, in \d+ s\.\n$/);
  t.deepEqual(await readdir(TMPDIR), []);
});

libvirtTest('scripts/demo leaves nothing behind when it is interrupted', async t => {
  t.timeout(180_000);
  const TMPDIR = await folderWith(t, {});
  const child = spawn(demo, { env: { ...process.env, TMPDIR }, stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'close');
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('$ curl')) child.kill('SIGTERM');
  }
  t.deepEqual(await ended, [143, null]);
  t.deepEqual(await readdir(TMPDIR), []);
});
