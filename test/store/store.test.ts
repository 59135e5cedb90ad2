import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Level } from 'level';
import { eventKey, FORMAT_KEY, prefixes } from '../../src/store/keys.ts';
import { recordSchemas } from '../../src/store/records.ts';
import { openStore } from '../../src/store/store.ts';

async function folder(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-store-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return directory;
}

const onFailure = (): void => {};
const node = (name: string) => ({ v: 1, name, hostUuid: `host of ${name}`, dead: null });

test('what was committed is there after the store was opened again', async t => {
  const directory = await folder(t);
  const store = await openStore({ directory, onFailure });
  await store.commit([
    { key: `${prefixes.node}a`, value: node('a') },
    { key: `${prefixes.node}b`, value: node('b') },
  ]);
  await store.commit([{ key: `${prefixes.node}a`, value: undefined }]);
  await store.close();
  const again = await openStore({ directory, onFailure });
  t.teardown(() => again.close());
  t.deepEqual(await again.load(prefixes.node, recordSchemas.node), [node('b')] as never);
});

test('the newest sequence number is found among many', async t => {
  const store = await openStore({ directory: await folder(t), onFailure });
  t.teardown(() => store.close());
  t.deepEqual(await store.eventRange(), { oldest: 1, newest: 0 });
  await store.commit([9, 10, 11].map(sequence => ({ key: eventKey(sequence), value: {} })));
  t.like(await store.eventRange(), { newest: 11 });
});

test('a store that another process has open is refused with a sentence', async t => {
  const directory = await folder(t);
  const store = await openStore({ directory, onFailure });
  t.teardown(() => store.close());
  await t.throwsAsync(openStore({ directory, onFailure }), { message: /another process has it open/ });
});

test('a store of a newer format is not touched', async t => {
  const directory = await folder(t);
  const db = new Level<string, unknown>(join(directory, 'db'), { valueEncoding: 'json' });
  await db.put(FORMAT_KEY, 2);
  await db.close();
  await t.throwsAsync(openStore({ directory, onFailure }), {
    message: /has format 2; this pdisk reads format 1/,
  });
});

test('a damaged record is named', async t => {
  const store = await openStore({ directory: await folder(t), onFailure });
  t.teardown(() => store.close());
  await store.commit([{ key: `${prefixes.node}a`, value: { v: 1, name: 'a' } }]);
  await t.throwsAsync(store.load(prefixes.node, recordSchemas.node), {
    message: /record node\/a .* is damaged/,
  });
});
