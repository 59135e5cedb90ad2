// A program of its own, for a mount namespace in which the directory argv[2] is a separate file system. It
// freezes that file system, makes more calls of a pool on it than there are threads, and prints as JSON what
// still worked meanwhile.
import { execFile } from 'node:child_process';
import { randomUUID, scrypt } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { PdiskError } from '../../../src/errors.ts';
import { openFilePool } from '../../../src/storage/file.ts';

const run = promisify(execFile);
const hash = promisify(scrypt) as (password: string, salt: string, length: number) => Promise<Buffer>;
const directory = process.argv[2] ?? '';
const codeOf = (error: unknown): string => (error instanceof PdiskError ? error.code : String(error));
const never = new AbortController().signal;

const pool = await openFilePool({ directory: `${directory}/pool`, overcommit: 100, owner: 'tests' });
await pool.begin(false);
const kept = randomUUID();
await pool.create(kept, 1, never);

await run('fsfreeze', ['--freeze', directory]);
/** Thaws the file system after this time in any case: a process that waits for it cannot even be killed. */
const LONG_MS = 60_000;
let thawed = false;
const thaw = async (): Promise<void> => {
  if (thawed) return;
  thawed = true;
  await run('fsfreeze', ['--unfreeze', directory]);
};
const tooLong = setTimeout(thaw, LONG_MS);
let meanwhile: string[] = [];
const begin = new AbortController();
const making: Promise<string>[] = [];
try {
  for (let index = 0; index < 100; index += 1) {
    making.push(pool.create(randomUUID(), 1, never, begin.signal).then(() => 'made', codeOf));
  }
  const removing = pool.delete(kept, never).then(() => 'removed', codeOf);
  making.push(removing);
  // All calls that have a thread hang in the file system by now.
  const free = await Promise.all([hash('password', 'salt', 32), hash('password', 'salt', 32)]);
  if (!thawed) meanwhile = free.map(key => `${key.length} bytes`);
  begin.abort(new Error('deadline'));
} finally {
  clearTimeout(tooLong);
  await thaw();
}
const outcomes = await Promise.all(making);
const left = (await readdir(`${directory}/pool`)).filter(name => name.endsWith('.raw')).length;
process.stdout.write(JSON.stringify({ meanwhile, outcomes, left }));
