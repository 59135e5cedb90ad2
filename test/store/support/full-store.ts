// A program for a mount namespace in which the directory argv[2] is a file system of 24 MiB. It prints what
// the store did while that file system was full.

import { existsSync, statSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { recordKinds } from '../../../src/record-kinds.ts';
import { prefixes } from '../../../src/store/keys.ts';
import { kinds } from '../../../src/store/records.ts';
import { openStore, type Store } from '../../../src/store/store.ts';
import { until } from '../../../testkit/until.ts';

const directory = process.argv[2] ?? '';
const filler = join(directory, 'filler');
const reserve = join(directory, 'reserve');
const failures: string[] = [];
const said: string[] = [];

const start = (): Promise<Store> =>
  openStore({
    kinds: recordKinds,
    directory,
    onFailure: error => failures.push(error.message),
    warn: sentence => said.push(sentence),
  });

async function fillUp(): Promise<void> {
  const handle = await open(filler, 'a');
  for (const size of [2 ** 20, 2 ** 12]) {
    const piece = Buffer.alloc(size, 1);
    while ((await handle.write(piece).catch(() => ({ bytesWritten: 0 }))).bytesWritten === size);
  }
  await handle.close();
}

let written = 0;
/** Large values, which fill the log quickly. */
async function write(store: Store, changes: number): Promise<void> {
  const all = Array.from({ length: changes }, () => {
    written += 1;
    const value = { v: 1, name: `n${written}`, hostUuid: 'x'.repeat(4000) };
    return store.commit([{ key: `${prefixes.node}${written}`, value }]);
  });
  await Promise.all(all);
}

const held = () => until(() => existsSync(reserve) && statSync(reserve).size === 6 * 2 ** 20, 'the reserve');
const count = async (store: Store) => (await store.load(kinds.node)).length;

let store = await start();
await write(store, 10);
await held();
const atFirst = store.isShort();
await fillUp();
await until(() => store.isShort(), 'the store to notice');
// More than the space left beside the reserve, so that writes fail with ENOSPC.
await write(store, 200);
const whenFull = {
  short: store.isShort(),
  written: (await count(store)) === written,
};
await store.close();

await fillUp();
store = await start();
const again = { short: store.isShort(), written: (await count(store)) === written };
await rm(filler);
await held();
await until(() => !store.isShort(), 'the store to take all again');
await write(store, 10);
const atLast = (await count(store)) === written;
await store.close();

await fillUp();
store = await start();
const opened = {
  short: store.isShort(),
  written: (await count(store)) === written,
};
await store.close();

process.stdout.write(JSON.stringify({ atFirst, whenFull, again, atLast, opened, failures, said }));
