import { randomUUID } from 'node:crypto';
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Level } from 'level';
import { recordKinds } from '../../src/record-kinds.ts';
import { prefixes } from '../../src/store/keys.ts';
import { kinds } from '../../src/store/records.ts';
import { openStore, type Store, type StoreOptions } from '../../src/store/store.ts';
import { until } from '../../testkit/until.ts';

const NODES = 40;

/** A folder with the files of a store that was filled and killed. */
async function filled(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-whole-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const live = join(directory, 'live');
  const store = await openStore({
    kinds: recordKinds,
    directory: live,
    onFailure: error => t.fail(error.message),
  });
  await fill(store, 0, NODES);
  // The head is written after the batch, and no commit waits for it.
  const head = join(live, 'head');
  await until(async () => Number((await readFile(head, 'utf8')).split(' ')[1]) === NODES, 'the head');
  const copy = join(directory, 'data');
  await cp(live, copy, { recursive: true });
  await store.close();
  return copy;
}

const node = (index: number) => ({ v: 1, name: `n${index}`, hostUuid: 'x'.repeat(900) });

async function fill(store: Store, from: number, upTo: number): Promise<void> {
  for (let index = from; index < upTo; index += 1)
    await store.commit([{ key: `${prefixes.node}${index}`, value: node(index) }]);
}

const reopen = (directory: string, more: Partial<StoreOptions> = {}): Promise<Store> =>
  openStore({ kinds: recordKinds, directory, onFailure: () => {}, ...more });

async function logOf(directory: string): Promise<string> {
  const names = (await readdir(join(directory, 'db'))).filter(name => name.endsWith('.log'));
  return join(directory, 'db', names[0] ?? 'none');
}

async function flip(file: string, at: number, bytes = 1): Promise<void> {
  const handle = await open(file, 'r+');
  const { buffer } = await handle.read(Buffer.alloc(bytes), 0, bytes, at);
  await handle.write(
    buffer.map(byte => byte ^ 0xff),
    0,
    bytes,
    at,
  );
  await handle.close();
}

/**
 * The store is refused each time until the loss is accepted; after that it can be read and nothing more is
 * reported. Resolves with the number of records that are left.
 */
async function refusedUntilAccepted(t: ExecutionContext, directory: string, why: RegExp): Promise<number> {
  for (let time = 0; time < 2; time += 1) await t.throwsAsync(reopen(directory), { message: why });
  const said: string[] = [];
  const accepted = await reopen(directory, { acceptLoss: true, warn: sentence => said.push(sentence) });
  const left = await accepted.load(kinds.node);
  await accepted.close();
  t.regex(said.join('\n'), why);
  const again = await reopen(directory);
  t.is((await again.load(kinds.node)).length, left.length);
  await again.close();
  return left.length;
}

test('a store that was killed at any moment opens again, and nothing of it is missing', async t => {
  const directory = await filled(t);
  for (let time = 0; time < 3; time += 1) {
    const store = await reopen(directory);
    t.is((await store.load(kinds.node)).length, NODES);
    await store.close();
  }
});

for (const share of [0.01, 0.3, 0.5, 0.99]) {
  test(`a log with flipped bytes at ${share * 100} % is refused`, async t => {
    const directory = await filled(t);
    const log = await logOf(directory);
    await flip(log, Math.floor((await stat(log)).size * share), 4);
    t.true((await refusedUntilAccepted(t, directory, /has lost changes|is older than it was/)) < NODES);
  });

  test(`a log that was cut at ${share * 100} % is refused`, async t => {
    const directory = await filled(t);
    const log = await logOf(directory);
    await truncate(log, Math.floor((await stat(log)).size * share));
    t.true((await refusedUntilAccepted(t, directory, /is older than it was: .*--accept-loss/)) < NODES);
  });
}

test('a log with a block of zeros in its middle is refused', async t => {
  const directory = await filled(t);
  const handle = await open(await logOf(directory), 'r+');
  await handle.write(Buffer.alloc(9000), 0, 9000, 8000);
  await handle.close();
  t.true((await refusedUntilAccepted(t, directory, /log \d+\.log is damaged.*--accept-loss/)) < NODES);
});

test('a log that is gone is refused', async t => {
  const directory = await filled(t);
  await rm(await logOf(directory));
  t.is(await refusedUntilAccepted(t, directory, /is older than it was/), 0);
});

test('a last write that a crash interrupted is not taken for damage', async t => {
  const directory = await filled(t);
  const log = await logOf(directory);
  await writeFile(log, Buffer.concat([await readFile(log), Buffer.alloc(5000, 7)]));
  const store = await reopen(directory);
  t.is((await store.load(kinds.node)).length, NODES);
  await store.close();
});

test('a database whose CURRENT is gone is refused, and its other files are kept', async t => {
  const directory = await filled(t);
  await (await reopen(directory)).close();
  await rm(join(directory, 'db', 'CURRENT'));
  t.is(await refusedUntilAccepted(t, directory, /lost its file CURRENT.*--accept-loss/), NODES);
});

test('a database that is gone is refused where its head or the owner of the volumes is still there', async t => {
  const directory = await filled(t);
  await rm(join(directory, 'db'), { recursive: true });
  t.is(await refusedUntilAccepted(t, directory, /there is no database.*head is still there/), 0);

  await rm(join(directory, 'db'), { recursive: true });
  await rm(join(directory, 'head'));
  const owner = join(directory, 'owner');
  await writeFile(owner, 'somebody\n');
  await t.throwsAsync(reopen(directory, { traces: [owner] }), { message: /owner is still there/ });
  t.false((await readdir(directory)).includes('db'));
});

test('an older copy of the database is refused', async t => {
  const directory = await filled(t);
  const backup = `${directory}.backup`;
  await cp(join(directory, 'db'), backup, { recursive: true });
  const store = await reopen(directory);
  await fill(store, NODES, NODES + 5);
  await store.close();
  await rm(join(directory, 'db'), { recursive: true });
  await cp(backup, join(directory, 'db'), { recursive: true });
  t.is(await refusedUntilAccepted(t, directory, /ends with change 40, and 45 were on disk/), NODES);
});

test('a database in the place of another one is refused', async t => {
  const [directory, other] = [await filled(t), await filled(t)];
  await rm(join(directory, 'db'), { recursive: true });
  await cp(join(other, 'db'), join(directory, 'db'), { recursive: true });
  t.is(await refusedUntilAccepted(t, directory, /is not the one that was here before/), NODES);
});

test('a head that cannot be read is refused', async t => {
  const directory = await filled(t);
  await writeFile(join(directory, 'head'), 'nothing\n');
  t.is(await refusedUntilAccepted(t, directory, /head is damaged/), NODES);
});

test('a head that is behind, as a kill may leave it, is no damage; a missing one is reported', async t => {
  const directory = await filled(t);
  const head = join(directory, 'head');
  const [store] = (await readFile(head, 'utf8')).split(' ');
  await writeFile(head, `${store} ${'1'.padStart(16, '0')}\n`);
  await (await reopen(directory)).close();
  await rm(head);
  const said: string[] = [];
  await (await reopen(directory, { warn: sentence => said.push(sentence) })).close();
  t.is(said.length, 1);
  t.regex(said.join(), /head is missing/);
});

test('a first start that was killed before or after the database was created is not taken for a loss', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-whole-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const db = new Level(join(directory, 'db'));
  await db.open();
  await db.close();
  await rm(join(directory, 'db', 'CURRENT'));
  for (const name of await readdir(join(directory, 'db')))
    if (name.endsWith('.log')) await rm(join(directory, 'db', name));
  await (await reopen(directory)).close();
  await rm(join(directory, 'head'));
  const said: string[] = [];
  await (await reopen(directory, { warn: sentence => said.push(sentence) })).close();
  t.deepEqual(said, []);
});

test('a database that lost its power while it was created is created anew', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-whole-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const db = join(directory, 'db');
  const leave = async (): Promise<void> => {
    await rm(db, { recursive: true, force: true });
    await mkdir(db);
    await writeFile(join(db, 'MANIFEST-000001'), '');
    await writeFile(join(db, 'CURRENT'), 'MANIFEST-000001\n');
    await writeFile(join(db, '000003.log'), '');
  };
  await leave();
  const owner = join(directory, 'owner');
  await writeFile(owner, 'n1:1');
  await t.throwsAsync(reopen(directory, { traces: [owner] }), { message: /cannot be opened: Corruption/ });
  await rm(owner);
  await writeFile(join(db, '000003.log'), 'a record?');
  await t.throwsAsync(reopen(directory, { traces: [owner] }), { message: /cannot be opened: Corruption/ });
  await leave();
  const store = await reopen(directory, { traces: [owner] });
  await fill(store, 0, 1);
  await store.close();
});

test('a store of an older pdisk, which has neither mark nor head, is opened', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-whole-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const db = new Level<string, unknown>(join(directory, 'db'), { valueEncoding: 'json' });
  await db.put('meta/format', 1);
  await db.put(`${prefixes.node}0`, node(0));
  await db.close();
  const owner = join(directory, 'owner');
  await writeFile(owner, randomUUID());
  const store = await reopen(directory, { traces: [owner] });
  t.is((await store.load(kinds.node)).length, 1);
  await store.close();
});

test('the database is unreadable for others, whatever mode its folder had', async t => {
  const directory = await filled(t);
  await chmod(join(directory, 'db'), 0o777);
  const store = await reopen(directory);
  t.teardown(() => store.close());
  const modeOf = async (name: string) => ((await stat(join(directory, name))).mode & 0o777).toString(8);
  t.is(await modeOf('db'), '700');
  t.is(await modeOf('head'), '600');
});
