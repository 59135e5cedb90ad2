import test from 'ava';
import { json } from '../../src/api/http/answer.ts';
import { createAnswers, type KeyRecord } from '../../src/api/routes/idempotency.ts';
import { errorOf } from '../../src/errors.ts';
import type { Write } from '../../src/store/group-commit.ts';
import { passwords } from './support/once.ts';

const DAY = 86_400_000;

type Act = Parameters<Awaited<ReturnType<typeof createAnswers>>['once']>[0]['act'];

async function site(kept = new Map<string, KeyRecord>()) {
  const clock = { now: DAY };
  const { once, forget } = await createAnswers(
    {
      load: async () => [...kept.values()],
      async commit(writes: readonly Write[]) {
        for (const { key, value } of writes)
          value === undefined ? kept.delete(key) : kept.set(key, value as KeyRecord);
      },
    },
    passwords,
    () => clock.now,
  );
  let acts = 0;
  const ask = (
    key: string,
    {
      path = '/api/create',
      fields = {},
      account = 'alice',
      act = async () => json({ number: acts }, 201),
      secret = false,
      recover = async () => undefined,
    }: Partial<Omit<Parameters<typeof once>[0], 'head' | 'caller' | 'cause'>> & {
      path?: string;
      account?: string;
    } = {},
  ) => {
    const head = { method: 'POST', path, query: '', idempotencyKey: key } as Parameters<
      typeof once
    >[0]['head'];
    return once({
      head,
      caller: { account, role: 'user' },
      fields,
      cause: { kind: 'request' },
      secret,
      act(cause, keep) {
        acts += 1;
        return act(cause, keep);
      },
      recover,
    });
  };
  return { ask, forget, kept, clock, acts: () => acts };
}

test('the same request with the same key is answered again and not done again, also after a restart', async t => {
  const first = await site();
  const answer = await first.ask('"k"', { fields: { a: '1', b: '2' } });
  t.like(await first.ask('k', { fields: { b: '2', a: '1' } }), { body: answer.body, status: 201 });
  t.is(first.acts(), 1);
  const second = await site(first.kept);
  t.like(await second.ask('k', { fields: { a: '1', b: '2' } }), {
    body: answer.body,
    status: 201,
    type: 'application/json',
  });
  t.is(second.acts(), 0);
});

test('another request with the same key is 422; other keys and other accounts are other requests', async t => {
  const { ask, acts } = await site();
  await ask('k', { fields: { a: '1' } });
  await t.throwsAsync(ask('k', { fields: { a: '2' } }), { code: 'KEY_REUSED' });
  await t.throwsAsync(ask('k', { fields: { a: '1' }, path: '/api/detach' }), { code: 'KEY_REUSED' });
  await ask('k', { account: 'bob' });
  await ask('l');
  t.is(acts(), 3);
});

test('a refusal is remembered like other answers, a failure of the service is not', async t => {
  const { ask, kept, acts } = await site();
  const refused = () => ask('k', { act: () => Promise.reject(errorOf('LIMIT_REACHED', { disk: 'x' })) });
  t.like(await refused(), { status: 400 });
  t.like(await refused(), { status: 400, error: undefined, headers: { 'X-Error-Code': 'LIMIT_REACHED' } });
  t.is(acts(), 1);
  for (const code of ['NODE_UNREACHABLE', 'INTERNAL'] as const)
    await t.throwsAsync(ask('l', { act: () => Promise.reject(errorOf(code)) }), { code });
  await t.throwsAsync(ask('l', { act: () => Promise.reject(new Error('a bug')) }), { message: 'a bug' });
  t.is(kept.size, 1);
  t.like(await ask('l'), { status: 201 });
});

test('a repetition waits while the first request is in progress', async t => {
  const { ask, acts } = await site();
  let end = (): void => {};
  const held = new Promise<void>(resolve => {
    end = resolve;
  });
  const act = async () => {
    await held;
    return json({}, 201);
  };
  const both = [ask('k', { act }), ask('k', { act })];
  end();
  t.deepEqual(await both[0], await both[1]);
  t.is(acts(), 1);
});

const decided = { subject: 'disk/x', disks: ['x'], target: null };

test('a decision without an answer is recovered, once; where it came to nothing, the request is done again', async t => {
  const crashed = async () => {
    const before = await site();
    await t.throwsAsync(
      before.ask('k', {
        act: async cause => {
          for (const { key, value } of cause.alsoWrite?.(decided) ?? [])
            before.kept.set(key, value as KeyRecord);
          t.deepEqual(cause.alsoWrite?.(decided), []);
          throw errorOf('STOPPING');
        },
      }),
    );
    return site(before.kept);
  };
  const came = await crashed();
  const recover = async (begun: unknown) => {
    t.deepEqual(begun, decided);
    return json({ recovered: true }, 201);
  };
  for (let i = 0; i < 2; i += 1)
    t.like(await came.ask('k', { recover }), { status: 201, body: '{"recovered":true}' });
  t.is(came.acts(), 0);
  const nothing = await crashed();
  t.like(await nothing.ask('k'), { status: 201, body: '{"number":1}' });
});

test('a key is forgotten after 24 hours', async t => {
  const { ask, clock, acts, kept } = await site();
  await ask('k', { fields: { a: '1' } });
  clock.now += DAY;
  await ask('k', { fields: { a: '2' } });
  t.is(acts(), 2);
  await ask('l');
  clock.now += DAY;
  const restarted = await site(kept);
  restarted.clock.now = clock.now;
  await ask('m', {
    act: async cause => {
      for (const { key, value } of cause.alsoWrite?.(decided) ?? [])
        value === undefined ? kept.delete(key) : kept.set(key, value as KeyRecord);
      return json({});
    },
  });
  t.deepEqual(
    [...kept.values()].map(({ key }) => key),
    ['m'],
  );
});

test('no account keeps more than ten thousand keys', async t => {
  const kept = new Map<string, KeyRecord>();
  const record = (number: number): KeyRecord => ({
    v: 2,
    account: 'alice',
    key: String(number),
    fingerprint: 'x',
    password: null,
    time: DAY - 20_000 + number,
    begun: null,
    answer: { status: 200, type: 'application/json', body: '{}', headers: {} },
  });
  for (let i = 0; i < 12_000; i += 1) kept.set(`idempotency/alice/${i}`, record(i));
  const { ask } = await site(kept);
  await t.throwsAsync(ask('11999'), { code: 'KEY_REUSED' });
  t.like(await ask('0'), { status: 201 });
});

test('a secret is not stored, and a repetition after a restart says so', async t => {
  const first = await site();
  const asked = { secret: true, act: async () => json({ token: 'hush' }, 201) };
  await first.ask('k', asked);
  t.false(JSON.stringify([...first.kept]).includes('hush'));
  const second = await site(first.kept);
  await t.throwsAsync(second.ask('k', asked), { code: 'KEY_SECRET' });
});

test('another password is another request, also after a restart, and no fast hash of one is written', async t => {
  const { ask, kept } = await site();
  await ask('k', { fields: { password: 'one' } });
  await ask('l', { fields: { password: 'one' } });
  const written = [...kept.values()];
  t.is(written[0]?.fingerprint, written[1]?.fingerprint);
  t.not(written[0]?.password?.hash, written[1]?.password?.hash);
  for (const running of [{ ask }, await site(kept)]) {
    await t.throwsAsync(running.ask('k', { fields: { password: 'two' } }), { code: 'KEY_REUSED' });
    await t.throwsAsync(running.ask('k'), { code: 'KEY_REUSED' });
    t.like(await running.ask('k', { fields: { password: 'one' } }), { status: 201, body: '{"number":1}' });
  }
});

test('an answer that is known with its decision is written in the same batch, and not again', async t => {
  const { ask, kept } = await site();
  let written: unknown;
  const act: Act = async (_cause, keep) => {
    for (const { key, value } of keep(json({ name: 'x' }, 201))) kept.set(key, value as KeyRecord);
    written = [...kept.values()][0]?.answer;
    throw errorOf('STOPPING');
  };
  await t.throwsAsync(ask('k', { act }), { code: 'STOPPING' });
  t.like(written, { status: 201, body: '{"name":"x"}' });
  const restarted = await site(kept);
  t.like(await restarted.ask('k'), { status: 201, body: '{"name":"x"}' });
  t.is(restarted.acts(), 0);
});

test('the keys of an account end with it, also those of requests in progress', async t => {
  const { ask, forget, kept, acts } = await site();
  let end = (): void => {};
  const held = new Promise<void>(resolve => {
    end = resolve;
  });
  await ask('k');
  await ask('k', { account: 'bob' });
  const working = ask('l', { act: async () => held.then(() => json({})) });
  const erased = forget('alice');
  t.deepEqual(
    erased.map(({ value }) => value),
    [undefined, undefined],
  );
  for (const { key } of erased) kept.delete(key);
  end();
  t.like(await working, { status: 200 });
  t.deepEqual(
    [...kept.values()].map(({ account }) => account),
    ['bob'],
  );
  t.like(await ask('k'), { body: '{"number":4}' });
  t.is(acts(), 4);
});

test('keys are visible ASCII', async t => {
  const { ask } = await site();
  for (const key of ['', '""', 'a b', 'ü', 'x'.repeat(256), '"'.repeat(300)])
    await t.throwsAsync(ask(key), { code: 'BAD_INPUT' }, key);
});
