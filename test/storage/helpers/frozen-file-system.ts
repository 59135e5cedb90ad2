// Runs by itself, in a mount namespace in which the directory argv[2] is a file system of its own; freezes it, asks a pool on it for much
// more than there are threads, and says on standard output what still went on meanwhile.
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
await pool.make(kept, 1, never);

await run('fsfreeze', ['--freeze', directory]);
/** Whoever waits for a thread would do so for ever; nobody could even kill this process. */
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
    making.push(pool.make(randomUUID(), 1, never, begin.signal).then(() => 'made', codeOf));
  }
  const removing = pool.remove(kept, never).then(() => 'removed', codeOf);
  making.push(removing);
  // All that have a thread are in the file system by now, and do not come back.
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
