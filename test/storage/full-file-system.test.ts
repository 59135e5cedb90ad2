import { execFile } from 'node:child_process';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;

(isRoot ? test : test.skip)(
  'on a full file system a creation fails with POOL_FULL, and can be undone',
  async t => {
    const directory = await mkdtemp(join(tmpdir(), 'pdisk-full-'));
    t.teardown(() => rmdir(directory));
    const script = 'mount -t tmpfs -o size=1m,nr_inodes=4 none "$1" && exec node --import=tsx "$2" "$1"';
    const helper = fileURLToPath(new URL('./support/tiny-file-system.ts', import.meta.url));
    const { stdout } = await run('unshare', ['--mount', 'sh', '-c', script, 'sh', directory, helper]);
    const { promisable, later, refusals, left } = JSON.parse(stdout);
    t.is(promisable, 2 ** 20);
    // Writes of a guest do not change the sum.
    t.is(later, promisable);
    t.is(refusals.length, 1);
    t.regex(refusals[0], /^POOL_FULL .*ENOSPC: no space left on device/);
    t.deepEqual(left, []);
  },
);
