// The limits around a pool, tested with a pool whose calls end only when the test says so.
import test from 'ava';
import { errorOf } from '../../src/errors.ts';
import { type Bounds, bounded, Passing } from '../../src/storage/bounded.ts';
import type { Pool } from '../../src/storage/pool.ts';
import { gate } from '../../testkit/latch.ts';
import { until } from '../../testkit/until.ts';

const never = (): AbortSignal => new AbortController().signal;
const GIB = 2 ** 30;

/** A signal that the test aborts. */
function deadline() {
  const controller = new AbortController();
  return { signal: controller.signal, come: () => controller.abort(new Error('deadline')) };
}

/** A pool with limits. `begun`: the calls that have begun; `end` lets one of them resolve. */
function handmade(bounds: Partial<Bounds> = {}) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const step = async (what: string): Promise<void> => {
    begun.push(what);
    const { opened, open } = gate();
    ends.set(what, open);
    await opened;
  };
  const pool = bounded(
    {
      create: uuid => step(`make ${uuid}`),
      delete: uuid => step(`remove ${uuid}`),
      resize: uuid => step(`grow ${uuid}`).then(() => 2 * GIB),
      sizeOf: uuid => step(`size ${uuid}`).then(() => GIB),
      wipes: true,
      wipe: (uuid, from) => step(`wipe ${uuid}`).then(() => ({ bytes: from + 1, of: 2 })),
      list: () => step('list').then(() => []),
      strangers: () => step('strangers').then(() => []),
      check: () => step('check'),
      promisableBytes: () => step('promisable').then(() => GIB),
      use: () => step('use').then(() => []),
      source: uuid => ({ type: 'file', path: uuid }),
      begin: async () => {},
    },
    { atOnce: 1, waiting: 2, ...bounds },
  );
  const end = async (what: string): Promise<void> => {
    const open = await until(() => ends.get(what), `${what} to be begun`);
    ends.delete(what);
    open();
  };
  return { pool, begun, end };
}

const quickly = { questionMs: 1, hungMs: 1 };

test('one change runs at a time: removals first, the others first in, first out', async t => {
  const { pool, begun, end } = handmade();
  const work = [
    pool.create('a', 1, never()),
    pool.create('b', 1, never()),
    pool.resize('c', 2, never()),
    pool.delete('d', never()),
  ];
  await until(() => begun.length === 1, 'the first');
  for (const what of ['make a', 'remove d', 'make b', 'grow c']) await end(what);
  await Promise.all(work);
  t.deepEqual(begun, ['make a', 'remove d', 'make b', 'grow c']);
});

test('changes beyond the length of the queue are refused at once and not begun', async t => {
  const { pool, begun, end } = handmade();
  const making = ['a', 'b', 'c'].map(uuid => pool.create(uuid, 1, never()));
  const refused = { code: 'POOL_BUSY', message: /3 changes are before it/ };
  await t.throwsAsync(pool.create('d', 1, never()), refused);
  await t.throwsAsync(pool.resize('e', 2, never()), refused);
  for (const uuid of ['a', 'b', 'c']) await end(`make ${uuid}`);
  await Promise.all(making);
  t.deepEqual(begun, ['make a', 'make b', 'make c']);
});

test('a change whose turn does not come before its deadline is refused and not begun', async t => {
  const { pool, begun, end } = handmade();
  const first = pool.create('a', 1, never());
  const { signal, come } = deadline();
  const [late, grown] = [pool.create('b', 1, never(), signal), pool.resize('c', 1, never(), signal)];
  come();
  await t.throwsAsync(late, { code: 'POOL_BUSY' });
  await t.throwsAsync(grown, { code: 'POOL_BUSY' });
  await end('make a');
  await first;
  t.deepEqual(begun, ['make a']);
});

test('a change that has begun holds its volume and its slot until it ends, even after its deadline', async t => {
  const { pool, begun, end } = handmade({ atOnce: 2 });
  const { signal, come } = deadline();
  const making = pool.create('a', 1, signal);
  await until(() => begun.length === 1, 'the creation');
  come();
  const removing = pool.delete('a', never());
  const other = pool.create('b', 1, never());
  await end('make b');
  await other;
  t.deepEqual(begun, ['make a', 'make b']);
  await end('make a');
  await making;
  await end('remove a');
  await removing;
});

test('a change of a volume in use is retried, others run in between, and at its deadline it fails', async t => {
  const { pool: base } = handmade();
  const inUse = errorOf('REMOVE_FAILED', { disk: 'a', detail: 'in use' });
  let attempts = 0;
  const pool = bounded(
    {
      ...base,
      create: async () => {},
      async delete() {
        attempts += 1;
        throw new Passing(inUse);
      },
    } as Pool,
    { atOnce: 1, waiting: 2 },
  );
  const { signal, come } = deadline();
  const removing = t.throwsAsync(pool.delete('a', signal), { is: inUse });
  await until(() => attempts === 1, 'the first attempt');
  await pool.create('b', 1, never());
  await until(() => attempts === 2, 'the second attempt');
  come();
  await removing;
});

test('a wiping that hangs fails and delays only later calls for its own volume', async t => {
  const { pool, begun, end } = handmade(quickly);
  await t.throwsAsync(pool.wipe('a', 0, never()), { code: 'WIPE_FAILED', message: /no answer within/ });
  const other = t.throwsAsync(pool.wipe('b', 0, never()), { code: 'WIPE_FAILED' });
  await until(() => begun.includes('wipe b'), 'the wiping of another volume');
  const { signal, come } = deadline();
  const again = t.throwsAsync(pool.wipe('a', 0, signal), { code: 'WIPE_FAILED', message: /deadline/ });
  come();
  await again;
  await other;
  t.deepEqual(begun, ['wipe a', 'wipe b']);
  await end('wipe a');
  await end('wipe b');
});

test('queries that are not answered in time fail, and do not accumulate', async t => {
  const { pool, begun, end } = handmade(quickly);
  const unavailable = { code: 'POOL_UNAVAILABLE', message: /no answer within/ };
  for (let times = 0; times < 3; times += 1) {
    for (const ask of [pool.list, pool.strangers, pool.check, pool.use])
      await t.throwsAsync(ask(), unavailable);
    await t.throwsAsync(pool.promisableBytes(), unavailable);
  }
  const counts = (what: string): number => begun.filter(one => one === what).length;
  // `list` and `strangers` share one queue.
  t.deepEqual([counts('list'), counts('strangers'), counts('check'), counts('use')], [1, 0, 1, 1]);
  for (const what of ['list', 'check', 'use']) await end(what);
});
