// A crash between a change of accounts or tokens and its answer: a repetition with the same Idempotency-Key
// gets the result, and nothing is done twice.
import test, { type ExecutionContext } from 'ava';
import { accountStore } from '../../src/accounts/account-store.ts';
import { createAnswers, keyKind } from '../../src/api/routes/idempotency.ts';
import type { Write } from '../../src/store/group-commit.ts';
import { prefixes } from '../../src/store/keys.ts';
import { readRecord } from '../../src/store/record-kind.ts';
import type { Store } from '../../src/store/store.ts';
import { basic } from '../../testkit/http.ts';
import { cheap } from '../accounts/support/memory-store.ts';
import { diskDouble, nodeDouble } from './support/disks.ts';
import { passwords } from './support/once.ts';
import { type Server, startServer } from './support/server.ts';

type Records = Map<string, unknown>;

/** A store whose process dies when this many batches are on disk, before the last write is confirmed. */
function storeUntil(kept: Records, batches: number) {
  let left = batches;
  let die = (): void => {};
  const dead = new Promise<void>(resolve => {
    die = resolve;
  });
  const store: Pick<Store, 'load' | 'commit'> = {
    load: async kind =>
      [...kept]
        .filter(([key]) => key.startsWith(kind.prefix))
        .map(([key, value]) => readRecord(kind, key, value, 'memory')),
    async commit(writes: readonly Write[]) {
      if (left > 0)
        for (const { key, value } of writes) value === undefined ? kept.delete(key) : kept.set(key, value);
      left -= 1;
      if (left > 0) return;
      die();
      await new Promise(() => {});
    },
  };
  return { store, dead };
}

async function start(t: ExecutionContext, kept: Records, batches = Number.POSITIVE_INFINITY) {
  const { store, dead } = storeUntil(kept, batches);
  const keys = createAnswers({ load: () => store.load(keyKind), commit: store.commit }, passwords, Date.now);
  const service = diskDouble({ ownedBy: () => ({ disks: 0, sizeGiB: 0 }) });
  const server = await startServer(t, service, nodeDouble, cheap, {}, accountStore(store), keys);
  return { ...server, dead };
}

type Asked = Parameters<Server['ask']>[2];

/** Dies after the first batch of a request and starts again; returns the answer to the repetition. */
async function repeated(
  t: ExecutionContext,
  kept: Records,
  method: string,
  path: string,
  asked: Asked,
  again = asked,
) {
  const first = await start(t, kept, 1);
  const headers = { 'idempotency-key': 'k' };
  const lost = t.throwsAsync(
    first.ask(method, path, { ...asked, headers: { ...asked?.headers, ...headers } }),
  );
  await first.dead;
  await first.stop(0);
  await lost;
  const second = await start(t, kept);
  return second.ask(method, path, { ...again, headers: { ...again?.headers, ...headers } });
}

async function fresh(t: ExecutionContext): Promise<{ readonly kept: Records; readonly server: Server }> {
  const kept: Records = new Map();
  return { kept, server: await start(t, kept) };
}

const form = (fields: Record<string, string>) => ({ form: fields });
const account = form({ password: 'a password', role: 'user' });
const PASSWORD_PATH = '/api/users/me/password';

for (const [method, path, asked, status, text] of [
  ['PUT', '/api/users/new', account, 201, '{"name":"new","role":"user"}'],
  ['PUT', '/api/users/cloud', account, 200, '{"name":"cloud","role":"user"}'],
  ['DELETE', '/api/users/test', {}, 200, '{"name":"test"}'],
  [
    'PUT',
    '/api/users/test/quota',
    form({ disks: '1', size: '2' }),
    200,
    '{"name":"test","disks":"1","size":"2"}',
  ],
  ['DELETE', '/api/users/test/quota', {}, 200, '{"name":"test"}'],
] as const) {
  test(`${method} ${path}: its first answer is told after a crash`, async t => {
    const { kept } = await fresh(t);
    const answer = await repeated(t, kept, method, path, asked);
    t.deepEqual([answer.status, answer.text], [status, text]);
  });
}

test('a new password: the first answer is repeated for a client that has the new password', async t => {
  const { kept } = await fresh(t);
  const asked = form({ password: 'a wholly new one' });
  const again = { ...asked, headers: { authorization: basic('admin', 'a wholly new one') } };
  const answer = await repeated(t, kept, 'PUT', PASSWORD_PATH, asked, again);
  t.deepEqual([answer.status, answer.text], [200, '{"name":"admin"}']);
});

test('a token is created once, and its secret is not repeated', async t => {
  const { kept } = await fresh(t);
  const answer = await repeated(t, kept, 'POST', '/api/tokens', form({ name: 'x' }));
  t.is(answer.headers.get('x-error-code'), 'KEY_SECRET');
  t.is([...kept.keys()].filter(key => key.startsWith(prefixes.token)).length, 1);
});

test('a token that was deleted stays deleted', async t => {
  const { kept, server } = await fresh(t);
  const { id } = JSON.parse((await server.ask('POST', '/api/tokens', form({ name: 'x' }))).text);
  const answer = await repeated(t, kept, 'DELETE', `/api/tokens/${id}`, {});
  t.deepEqual([answer.status, answer.text], [200, `{"id":"${id}"}`]);
});

test('the keys of an account end with it: the next account of that name begins without any', async t => {
  const { kept, server } = await fresh(t);
  const headers = { 'idempotency-key': 'mine' };
  const name = form({ name: 'x' });
  t.is((await server.ask('POST', '/api/tokens', { as: 'test', ...name, headers })).status, 201);
  const keysOf = () => [...kept.keys()].filter(key => key.startsWith(`${prefixes.idempotency}test/`));
  t.is(keysOf().length, 1);
  t.is((await server.ask('DELETE', '/api/users/test')).status, 200);
  t.deepEqual(keysOf(), []);
  const again = form({ password: 'correct horse', role: 'user' });
  t.is((await server.ask('PUT', '/api/users/test', again)).status, 201);
  t.is((await server.ask('POST', '/api/tokens', { as: 'test', ...name, headers })).status, 201);
});
