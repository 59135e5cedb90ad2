import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const THREADS = 4;

(isRoot ? test : test.skip)(
  'a file system that hangs leaves threads for others, and calls without a thread are not begun',
  async t => {
    const directory = await mkdtemp(join(tmpdir(), 'pdisk-frozen-'));
    t.teardown(() => rm(directory, { recursive: true }));
    const script =
      'truncate -s 256M "$1/image" && mkfs.ext4 -q "$1/image" && mkdir "$1/mounted" && mount -o loop "$1/image" "$1/mounted" && ' +
      'exec node --import=tsx "$2" "$1/mounted"';
    const helper = fileURLToPath(new URL('./support/frozen-file-system.ts', import.meta.url));
    const { stdout } = await run('unshare', ['--mount', 'sh', '-c', script, 'sh', directory, helper], {
      env: { ...process.env, UV_THREADPOOL_SIZE: String(THREADS) },
    });
    const { meanwhile, outcomes, left } = JSON.parse(stdout);
    t.deepEqual(meanwhile, ['32 bytes', '32 bytes']);
    const count = (outcome: string): number => outcomes.filter((one: string) => one === outcome).length;
    t.is(count('removed'), 1);
    t.is(count('made') + count('POOL_BUSY'), 100);
    // At most so many creations had a thread.
    t.true(count('made') <= THREADS / 2, `${count('made')}`);
    t.is(left, count('made'));
  },
);
