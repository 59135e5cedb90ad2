// Writes a data directory as a service with many disks leaves it (records and sparse images), without
// creating them one by one.

import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredDisk } from '../../../src/disks/records/records.ts';
import { recordKinds } from '../../../src/record-kinds.ts';
import { prefixes } from '../../../src/store/keys.ts';
import { openStore } from '../../../src/store/store.ts';
import { type ServerOptions, startServer } from './server.ts';

const GIB = 2 ** 30;
/**
 * When the first disk was created, in milliseconds since 1970; the others follow at intervals of a second.
 */
const BEGINNING = 1_600_000_000_000;
/** Records in one batch. */
const BATCH = 1000;

const recordOf = (uuid: string, index: number): StoredDisk => ({
  v: 2,
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

/** Gives a service that has never been started `count` disks of 1 GiB; resolves with their UUIDs. */
export async function populate(options: ServerOptions, count: number): Promise<string[]> {
  // Started once, so that pool and store know each other and there is an account.
  await (await startServer(options)).stop();
  const data = join(options.directory, 'data');
  const store = await openStore({
    kinds: recordKinds,
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
  // Otherwise the first synced writes of the measurement would wait for all of this.
  execFileSync('sync', ['-f', data]);
  return uuids;
}
