// The audit by itself: what is in the batch of a change, what is written later, what is only counted.
import test from 'ava';
import { type AuditEntry, openAuditLog } from '../../src/audit/audit-log.ts';
import { readAudit } from '../../src/audit/audit-reader.ts';
import { startRetention } from '../../src/events/retention.ts';
import { auditStore } from '../api/support/audit.ts';

const HOUR_MS = 3_600_000;

const entryOf = (more: Partial<AuditEntry> = {}): AuditEntry => ({
  time: 1000,
  request: 'r',
  account: 'alice',
  attempted: null,
  client: '192.0.2.7',
  operation: 'createDisk',
  disks: [],
  node: null,
  vmId: null,
  subject: null,
  token: null,
  status: 400,
  code: 'BAD_INPUT',
  repeated: false,
  ...more,
});

/** An audit whose own timer never comes, with a clock that the test moves. */
async function opened(store = auditStore()) {
  const clock = { now: 0 };
  const log = await openAuditLog({ store, now: () => clock.now, soonMs: HOUR_MS, summaryMs: HOUR_MS });
  return { log, store, clock, entries: () => [...store.kept.values()] };
}

test('the entry of a change is written with the change, and its result is written later over it', async t => {
  const { log, store, entries } = await opened();
  const open = log.open(entryOf({ status: null, code: null }));
  await store.commit([open.write]);
  t.like(entries()[0], { sequence: 1, status: null, count: 1 });
  log.close(open, { status: 504, code: 'PLUG_UNKNOWN', token: null });
  await log.flush();
  t.like(entries()[0], { sequence: 1, status: 504, code: 'PLUG_UNKNOWN' });
  t.is(entries().length, 1);
  await log.stop();
});

test('the numbers go on after a restart', async t => {
  const { log, store, entries } = await opened();
  log.note(entryOf());
  await log.stop();
  const again = await opened(store);
  again.log.note(entryOf());
  await again.log.stop();
  t.deepEqual(
    entries().map(({ sequence }) => sequence),
    [1, 2],
  );
});

test('a flood of refused requests is counted in few entries, and none is missing from the count', async t => {
  const { log, entries } = await opened();
  const flood = 5000;
  for (let index = 0; index < flood; index += 1)
    log.note(
      entryOf({ operation: 'login', code: 'UNAUTHENTICATED', status: 401, time: index, attempted: 'x' }),
    );
  await log.stop();
  t.is(
    entries().reduce((sum, { count }) => sum + count, 0),
    flood,
  );
  t.is(entries().length, 101);
  t.like(entries().at(-1), { count: flood - 100, first: 100, time: flood - 1, attempted: null });
});

test('a flood from many clients is bounded, too, and does not push out other entries', async t => {
  const { log, entries } = await opened();
  const clients = 3000;
  for (let index = 0; index < clients; index += 1)
    for (const code of ['UNAUTHENTICATED', 'FORBIDDEN'])
      log.note(entryOf({ client: `client ${index}`, code }));
  await log.stop();
  t.is(
    entries().reduce((sum, { count }) => sum + count, 0),
    2 * clients,
  );
  t.is(entries().length, 1000 + 21);
  t.like(entries().at(-1), { operation: 'several', client: null, account: null });
});

test('with time, entries are written one by one again', async t => {
  const { log, clock, entries } = await opened();
  for (let index = 0; index < 200; index += 1) log.note(entryOf());
  await log.flush();
  const before = entries().length;
  clock.now += HOUR_MS;
  log.note(entryOf({ request: 'later' }));
  await log.stop();
  t.is(entries().length, before + 1);
  t.like(entries().at(-1), { request: 'later', count: 1 });
});

test('on a full file system refused requests are only counted, results are written, and the count is later', async t => {
  const { log, store, entries } = await opened();
  store.short = true;
  const open = log.open(entryOf({ status: null, code: null }));
  await store.commit([open.write]);
  log.close(open, { status: 200, code: null, token: null });
  log.note(entryOf());
  log.note(entryOf());
  await log.flush();
  t.deepEqual(
    entries().map(({ status }) => status),
    [200],
  );
  store.short = false;
  await log.stop();
  t.deepEqual(
    entries().map(({ status, count }) => [status, count]),
    [
      [200, 1],
      [400, 2],
    ],
  );
});

test('a store that refuses writes harms nobody who asks', async t => {
  const store = auditStore(async () => {
    throw new Error('EIO');
  });
  const { log } = await opened(store);
  log.note(entryOf());
  await t.notThrowsAsync(log.flush());
  await t.notThrowsAsync(log.stop());
});

test('old entries are deleted as events are, by number and by age, and a late result does not bring one back', async t => {
  const { log, store, entries } = await opened();
  const open = log.open(entryOf({ status: null, code: null, time: 1 }));
  await store.commit([open.write]);
  for (const time of [2, 3, 4, 5]) log.note(entryOf({ time }));
  await log.flush();
  const failed = (error: unknown) => t.fail(String(error));
  const byNumber = startRetention({ log, events: 4, ageMs: 1000, now: () => 5, failed });
  await byNumber.trim();
  await byNumber.stop();
  log.close(open, { status: 200, code: null, token: null });
  await log.flush();
  t.deepEqual(
    entries().map(({ time }) => time),
    [2, 3, 4, 5],
  );
  const byAge = startRetention({ log, events: 4, ageMs: 1, now: () => 5, failed });
  await byAge.trim();
  await byAge.stop();
  t.deepEqual(
    entries().map(({ time }) => time),
    [4, 5],
  );
  await log.stop();
});

test('a page looks through a bounded number of entries, and the next page goes on', async t => {
  const { log, store } = await opened();
  await store.commit(
    Array.from({ length: 12_000 }, (_, index) =>
      log.open(entryOf({ account: index === 0 ? 'rare' : 'alice', status: 200 })),
    ).map(({ write }) => write),
  );
  const first = await readAudit(log, { account: 'rare', limit: 10 });
  t.deepEqual(first, { entries: [], next: 2001 });
  const second = await readAudit(log, { account: 'rare', limit: 10, after: first.next });
  t.deepEqual(
    second.entries.map(({ sequence }) => sequence),
    [1],
  );
  t.is(second.next, undefined);
  await log.stop();
});

test('readers at the same time all see what was decided before', async t => {
  const { log, store } = await opened();
  const open = log.open(entryOf({ status: null, code: null }));
  await store.commit([open.write]);
  log.close(open, { status: 200, code: null, token: null });
  const pages = await Promise.all([1, 2, 3].map(() => readAudit(log, { limit: 10 })));
  t.deepEqual(
    pages.map(({ entries }) => entries.map(({ status }) => status)),
    [[200], [200], [200]],
  );
  await log.stop();
});
