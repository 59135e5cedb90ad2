import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Level } from 'level';
import { recordKinds } from '../../src/record-kinds.ts';
import { eventKey, FORMAT_KEY, prefixes, VERSIONS_KEY } from '../../src/store/keys.ts';
import { kinds } from '../../src/store/records.ts';
import { openStore } from '../../src/store/store.ts';

async function folder(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-store-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return directory;
}

const onFailure = (): void => {};
const node = (name: string) => ({ v: 2 as const, name, hostUuid: `host of ${name}`, dead: null });

test('what was committed is there after the store was opened again', async t => {
  const directory = await folder(t);
  const store = await openStore({ kinds: recordKinds, directory, onFailure });
  await store.commit([
    { key: `${prefixes.node}a`, value: node('a') },
    { key: `${prefixes.node}b`, value: node('b') },
  ]);
  await store.commit([{ key: `${prefixes.node}a`, value: undefined }]);
  await store.close();
  const again = await openStore({ kinds: recordKinds, directory, onFailure });
  t.teardown(() => again.close());
  t.deepEqual(await again.load(kinds.node), [node('b')]);
});

test('the newest sequence number is found among many', async t => {
  const store = await openStore({ kinds: recordKinds, directory: await folder(t), onFailure });
  t.teardown(() => store.close());
  t.deepEqual(await store.eventRange(), { oldest: 1, newest: 0 });
  await store.commit([9, 10, 11].map(sequence => ({ key: eventKey(sequence), value: {} })));
  t.like(await store.eventRange(), { newest: 11 });
});

test('a store that another process has open is refused with a sentence', async t => {
  const directory = await folder(t);
  const store = await openStore({ kinds: recordKinds, directory, onFailure });
  t.teardown(() => store.close());
  await t.throwsAsync(openStore({ kinds: recordKinds, directory, onFailure }), {
    message: /another process has it open/,
  });
});

/** Writes values into the database itself; resolves with how it is read afterwards. */
async function written(directory: string, values: Readonly<Record<string, unknown>>) {
  const db = new Level<string, unknown>(join(directory, 'db'), { valueEncoding: 'json' });
  for (const [key, value] of Object.entries(values)) await db.put(key, value);
  await db.close();
  return async () => {
    const again = new Level<string, unknown>(join(directory, 'db'), { valueEncoding: 'json' });
    const entries = await again.iterator().all();
    await again.close();
    return Object.fromEntries(entries);
  };
}

test('a store of a newer format is refused before anything is written', async t => {
  const directory = await folder(t);
  const values = { [FORMAT_KEY]: 3 };
  const left = await written(directory, values);
  await t.throwsAsync(openStore({ kinds: recordKinds, directory, onFailure }), {
    message: /has format 3, and this pdisk reads up to format 2: .*Run that one, or put back a backup/,
  });
  t.deepEqual(await left(), values);
  t.false((await readdir(directory)).includes('head'));
});

test('a store with a newer kind of record is refused before anything is written', async t => {
  for (const [versions, why] of [
    [
      { disk: kinds.disk.version + 1 },
      /has disks of version \d+, and this pdisk reads disks up to version \d+/,
    ],
    [{ disk: 1, snapshot: 1 }, /has snapshots, which this pdisk does not know/],
  ] as const) {
    const directory = await folder(t);
    const values = { [FORMAT_KEY]: 2, [VERSIONS_KEY]: versions };
    const left = await written(directory, values);
    await t.throwsAsync(openStore({ kinds: recordKinds, directory, onFailure }), { message: why });
    t.deepEqual(await left(), values);
    t.false((await readdir(directory)).includes('head'));
  }
});

test('an older store is read, and says from then on which versions it may have', async t => {
  const directory = await folder(t);
  const { v: _, ...plain } = node('a');
  const left = await written(directory, { [FORMAT_KEY]: 1, [`${prefixes.node}a`]: { v: 1, ...plain } });
  const store = await openStore({ kinds: recordKinds, directory, onFailure });
  t.deepEqual(await store.load(kinds.node), [node('a')]);
  await store.close();
  const values = await left();
  t.is(values[FORMAT_KEY], 2);
  t.like(values[VERSIONS_KEY], { disk: kinds.disk.version, node: kinds.node.version });
  const again = await openStore({ kinds: recordKinds, directory, onFailure });
  await again.close();
  t.deepEqual(await left(), values);
});

test('a damaged record is named', async t => {
  const store = await openStore({ kinds: recordKinds, directory: await folder(t), onFailure });
  t.teardown(() => store.close());
  await store.commit([{ key: `${prefixes.node}a`, value: { v: 1, name: 'a' } }]);
  await t.throwsAsync(store.load(kinds.node), {
    message: /record node\/a .* is damaged/,
  });
});
