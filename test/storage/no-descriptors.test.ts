import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const run = promisify(execFile);

test('without free descriptors a command rejects, and the process goes on', async t => {
  const helper = fileURLToPath(new URL('./support/no-descriptors.ts', import.meta.url));
  const { stdout } = await run('sh', ['-c', 'ulimit -n 200; exec node --import=tsx "$1"', 'sh', helper]);
  const { before, without, after } = JSON.parse(stdout);
  t.deepEqual([before, after], ['done\n', 'done\n']);
  t.regex(without, /no more open files; raise their limit \(ulimit -n.*EMFILE/);
});
