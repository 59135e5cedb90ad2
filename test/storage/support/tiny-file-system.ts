// A program of its own, for a mount namespace in which the directory argv[2] is a file system with space for
// three files; prints as JSON what a pool did there.
import { randomUUID } from 'node:crypto';
import { open, readdir } from 'node:fs/promises';
import { PdiskError } from '../../../src/errors.ts';
import { openFilePool } from '../../../src/storage/file.ts';

const directory = process.argv[2] ?? '';
const signal = new AbortController().signal;
const pool = await openFilePool({ directory, overcommit: 1, owner: 'tests' });
const promisable = await pool.promisableBytes();

const made = [randomUUID(), randomUUID()];
for (const uuid of made) await pool.create(uuid, 1, signal);
const guest = await open(pool.source(made[0] ?? '').path, 'r+');
await guest.write(Buffer.alloc(512 * 1024, 1), 0, 512 * 1024, 4096);
await guest.close();
const later = await (await openFilePool({ directory, overcommit: 1, owner: 'tests' })).promisableBytes();

const overfull = [randomUUID(), randomUUID()];
const refusals: string[] = [];
for (const uuid of overfull) {
  await pool.create(uuid, 1, signal).catch((error: unknown) => {
    refusals.push(error instanceof PdiskError ? `${error.code} ${error.message}` : String(error));
  });
}
for (const uuid of [...made, ...overfull]) await pool.delete(uuid, signal);

process.stdout.write(JSON.stringify({ promisable, later, refusals, left: await readdir(directory) }));
