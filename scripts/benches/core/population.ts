// A data directory as a service with many disks leaves it, without asking one to make them: records and sparse images.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredDisk } from '../../../src/disks/records/records.ts';
import { prefixes } from '../../../src/store/keys.ts';
import { openStore } from '../../../src/store/store.ts';
import { type ServerOptions, startServer } from './server.ts';

const GIB = 2 ** 30;
/** When the first disk was made, in milliseconds since 1970; the others follow a second apart. */
const BEGINNING = 1_600_000_000_000;
/** Records in one batch. */
const BATCH = 1000;

const recordOf = (uuid: string, index: number): StoredDisk => ({
  v: 1,
  state: 'available',
  context: {
    uuid,
    owner: 'admin',
    tag: `disk number ${index}`,
    visibility: index % 2 === 0 ? 'private' : 'public',
    sizeGiB: 1,
    limit: 1,
    created: BEGINNING + index * 1000,
    users: [],
    attempt: 1,
    deadline: null,
    undo: null,
    grownFrom: null,
    failures: 0,
    repeatable: false,
    wiped: null,
  },
});

function makeImage(pool: string, uuid: string): void {
  const file = openSync(join(pool, `${uuid}.raw`), 'wx', 0o600);
  ftruncateSync(file, GIB);
  closeSync(file);
}

/** Gives a service that has not been started yet so many disks of 1 GiB; answers their UUIDs. */
export async function populate(options: ServerOptions, count: number): Promise<string[]> {
  // The pool and the store must know each other, and there must be an account.
  await (await startServer(options)).stop();
  const data = join(options.directory, 'data');
  const store = await openStore({
    directory: data,
    onFailure: error => {
      throw error;
    },
  });
  const uuids = Array.from({ length: count }, () => randomUUID());
  for (let first = 0; first < count; first += BATCH) {
    const some = uuids.slice(first, first + BATCH);
    await store.commit(
      some.map((uuid, index) => ({ key: prefixes.disk + uuid, value: recordOf(uuid, first + index) })),
    );
    for (const uuid of some) makeImage(join(data, 'pool'), uuid);
  }
  await store.close();
  // Else the first synced writes of what is measured would wait for all this.
  execFileSync('sync', ['-f', data]);
  return uuids;
}
