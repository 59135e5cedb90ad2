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
  'on a full file system the store goes on with its reserve, opens again, and accepts all when there is space',
  async t => {
    const directory = await mkdtemp(join(tmpdir(), 'pdisk-full-store-'));
    t.teardown(() => rmdir(directory));
    const script = 'mount -t tmpfs -o size=24m none "$1" && exec node --import=tsx "$2" "$1"';
    const helper = fileURLToPath(new URL('./support/full-store.ts', import.meta.url));
    const { stdout } = await run('unshare', ['--mount', 'sh', '-c', script, 'sh', directory, helper]);
    const { said, ...found } = JSON.parse(stdout);
    t.deepEqual(found, {
      atFirst: false,
      whenFull: { short: true, written: true },
      again: { short: true, written: true },
      atLast: true,
      opened: { short: true, written: true },
      failures: [],
    });
    t.regex(said[0], /file system of .* is full: nothing is taken but what frees room/);
    t.regex(said.join('\n'), /has room again/);
  },
);
