import test from 'ava';
import { startRetention } from '../../src/events/retention.ts';
import { agingFrom } from '../../src/lib/clock.ts';
import { change, memoryLog } from './support/memory-log.ts';

const fail = (error: unknown): never => {
  throw error;
};

test('the log keeps the newest events and deletes the others, but never the last', async t => {
  const { log, stored } = await memoryLog(Array.from({ length: 5300 }, (_, index) => change(index + 1)));
  const history = startRetention({ log, events: 3000, ageMs: 1e9, now: Date.now, failed: fail });
  t.teardown(history.stop);
  await history.trim();
  t.deepEqual([log.oldest(), stored.size, stored.has(2300), stored.has(2301)], [2301, 3000, false, true]);
  await log.forget(9999);
  t.deepEqual([log.oldest(), [...stored.keys()]], [5300, [5300]]);
});

test('events that are too old are deleted, however few there are', async t => {
  const ages = [50, 40, 30, 20, 10, 0];
  const now = 1_000_000;
  const { log, stored } = await memoryLog(ages.map((age, index) => change(index + 1, { time: now - age })));
  const history = startRetention({ log, events: 1000, ageMs: 25, now: () => now, failed: fail });
  t.teardown(history.stop);
  await history.trim();
  t.deepEqual([...stored.keys()], [4, 5, 6]);
  const later = startRetention({ log, events: 1000, ageMs: 25, now: () => now + 999, failed: fail });
  t.teardown(later.stop);
  await later.trim();
  t.deepEqual([...stored.keys()], [6]);
});

test('a clock that is set ahead makes no event too old', async t => {
  const day = 86_400_000;
  let steady = 0;
  const start = 100 * day;
  const now = agingFrom(start, () => steady);
  const { log, stored } = await memoryLog([
    change(1, { time: start - day }),
    change(2, { time: start }),
    // Written while the clock was set ahead.
    change(3, { time: start + 31 * day }),
    change(4, { time: start + 31 * day }),
  ]);
  const history = startRetention({ log, events: 1000, ageMs: 30 * day, now, failed: fail });
  t.teardown(history.stop);
  await history.trim();
  t.is(stored.size, 4);
  steady = 29.5 * day;
  await history.trim();
  t.deepEqual([...stored.keys()], [2, 3, 4]);
});

test('an event out of order is a fault, not a gap', async t => {
  const { log } = await memoryLog([change(1)]);
  t.throws(() => log.publish([change(3)]), { message: 'event 3 came after 1' });
  t.notThrows(() => log.publish([change(2), change(3)]));
});

test('events come from memory as far as it reaches, and older ones from the disk', async t => {
  const { log, add } = await memoryLog([change(1), change(2)]);
  t.is(log.recent(1, 10), undefined);
  t.deepEqual(
    (await log.stored(0)).map(one => one.sequence),
    [1, 2],
  );
  t.deepEqual(log.recent(2, 10), []);
  for (let count = 0; count < 40_000; count += 1) add();
  t.is(log.recent(2, 10), undefined);
  t.deepEqual(
    log.recent(40_000, 10)?.map(one => one.sequence),
    [40_001, 40_002],
  );
  t.is(log.recent(40_002 - 8192, 1)?.[0]?.sequence, 40_002 - 8191);
});
