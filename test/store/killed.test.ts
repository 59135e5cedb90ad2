import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { recordKinds } from '../../src/record-kinds.ts';
import { kinds } from '../../src/store/records.ts';
import { openStore } from '../../src/store/store.ts';

const helper = fileURLToPath(new URL('./support/endless-store.ts', import.meta.url));
/** After how many printed lines each process is killed; the first line says that it opens the store. */
const LINES = [1, 2, 3, 20, 1, 200, 2, 1000, 1, 50];

/** Resolves with the newest change that the process has reported to be on disk. */
async function killedAfter(directory: string, lines: number): Promise<number> {
  const child = spawn(process.execPath, ['--import=tsx', helper, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  let told = 0;
  let left = lines;
  for await (const line of createInterface(child.stdout)) {
    told = Math.max(told, Number(line) || 0);
    left -= 1;
    if (left === 0) child.kill('SIGKILL');
  }
  await closed;
  return told;
}

test('a store whose process is killed at any moment is never refused as one that lost data', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-killed-'));
  t.teardown(() => rm(directory, { recursive: true }));
  let newest = 0;
  for (const lines of LINES) {
    newest = Math.max(newest, await killedAfter(directory, lines));
    const store = await openStore({
      kinds: recordKinds,
      directory,
      onFailure: error => t.fail(error.message),
    });
    const { length } = await store.load(kinds.node);
    await store.close();
    t.true(length >= newest, `${length} of ${newest} changes after ${lines} lines`);
    newest = length;
  }
});
