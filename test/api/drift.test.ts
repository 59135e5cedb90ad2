import test from 'ava';
import type { KnownDifference } from '../../src/disks/drift/drift-watch.ts';
import { FIRST, leftoverDouble, SECOND } from './support/disks.ts';
import { startServer } from './support/server.ts';

const adoption = { owner: 'test', tag: 'found', visibility: 'private' };

test('leftovers are listed, with null for what the pool does not know', async t => {
  const leftover = { uuid: SECOND, bytes: 5, createdMs: undefined, since: 0, writtenBytes: 0 };
  const holder = {
    disk: SECOND,
    node: 'key',
    host: 'n1',
    domain: { uuid: 'a domain', name: 'one-1' },
    target: 'vdb',
    by: 'serial' as const,
    source: '/x',
    diverted: false,
  };
  const double = leftoverDouble();
  const leftovers = {
    ...double,
    list: async (caller: Parameters<typeof double.list>[0]) => [
      ...(await double.list(caller)),
      { ...leftover, obstacle: 'has a snapshot', holders: [holder] },
    ],
  };
  const { ask } = await startServer(t, undefined, undefined, undefined, {}, undefined, undefined, {
    leftovers,
  });
  const { status, text } = await ask('GET', '/api/leftovers');
  t.is(status, 200);
  t.deepEqual(JSON.parse(text), [
    {
      uuid: FIRST,
      size: 2_147_483_648,
      created: '2011-07-28T15:01:40.000Z',
      since: '2011-07-28T15:20:00.000Z',
      written: null,
      obstacle: null,
      holders: [],
    },
    {
      uuid: SECOND,
      size: 5,
      created: null,
      since: '1970-01-01T00:00:00.000Z',
      written: false,
      obstacle: 'has a snapshot',
      holders: [{ node: 'n1', vm: 'one-1', domain: 'a domain', target: 'vdb' }],
    },
  ]);
});

test('a leftover is adopted with an owner, a tag and a visibility, and the answer says whether the quota is exceeded', async t => {
  const calls: unknown[][] = [];
  const leftovers = leftoverDouble(calls);
  const { ask } = await startServer(t, undefined, undefined, undefined, {}, undefined, undefined, {
    leftovers,
  });
  const adopted = await ask('POST', `/api/leftovers/${FIRST.toUpperCase()}/adopt`, { form: adoption });
  t.deepEqual([adopted.status, adopted.text], [200, `{"uuid":"${FIRST}","over_quota":true}`]);
  const removed = await ask('POST', `/api/leftovers/${FIRST}/remove`);
  t.deepEqual([removed.status, removed.text], [200, `{"uuid":"${FIRST}"}`]);
  t.deepEqual(calls, [
    ['adopt', FIRST, adoption],
    ['remove', FIRST],
  ]);
  const unknown = await ask('POST', `/api/leftovers/${SECOND}/remove`);
  t.deepEqual([unknown.status, unknown.headers.get('x-error-code')], [400, 'LEFTOVER_UNKNOWN']);
});

test('all missing and wrong inputs of an adoption are reported together', async t => {
  const { ask } = await startServer(t);
  const { status, text } = await ask('POST', `/api/leftovers/${FIRST}/adopt`, {
    form: { owner: 'No Such', visibility: 'secret', size: '1' },
  });
  t.is(status, 400);
  t.deepEqual(JSON.parse(text).message, [
    'an account name is 1 to 64 of a-z, 0-9, dot, underscore and hyphen, and begins with a letter or digit',
    'tag is missing',
    'visibility must be private or public',
    "there is no input 'size' here",
  ]);
});

test('differences are listed with what repairs them', async t => {
  const difference: KnownDifference = {
    kind: 'volume-lost',
    disk: FIRST,
    node: null,
    vm: null,
    domain: null,
    since: 0,
    detail: 'the disk has no volume in the pool',
    repair: `DELETE /api/disks/${FIRST}`,
  };
  const many = Array.from({ length: 1000 }, () => difference);
  const drift = { list: async () => many };
  const { ask } = await startServer(t, undefined, undefined, undefined, {}, undefined, undefined, { drift });
  const { status, text } = await ask('GET', '/api/drift');
  t.is(status, 200);
  const expected = { ...difference, since: '1970-01-01T00:00:00.000Z' };
  t.deepEqual(
    JSON.parse(text),
    many.map(() => expected),
  );
});

test('no difference and no leftover are empty lists', async t => {
  const leftovers = { ...leftoverDouble(), list: async () => [] };
  const { ask } = await startServer(t, undefined, undefined, undefined, {}, undefined, undefined, {
    leftovers,
  });
  t.is((await ask('GET', '/api/drift')).text, '[]');
  t.is((await ask('GET', '/api/leftovers')).text, '[]');
});
