import test from 'ava';
import { basic, request, sendRaw } from '../../testkit/http.ts';
import { until } from '../../testkit/until.ts';
import { FIRST, SECOND } from '../api/support/disks.ts';
import { change } from './support/memory-log.ts';
import { eventSite } from './support/site.ts';

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

test('a subscriber without parameters gets a bookmark and every event from now on', async t => {
  const site = await eventSite(t);
  for (let count = 0; count < 3; count += 1) site.add();
  const subscriber = await site.subscribe();
  await subscriber.untilMessages(1);
  t.deepEqual(subscriber.messages, [{ control: 'bookmark', sequence: 3 }]);
  for (let count = 0; count < 200; count += 1) site.add();
  await subscriber.untilSequence(203);
  t.deepEqual(subscriber.sequences(), range(4, 203));
});

test('a subscriber resumes after any sequence; between replay and new events none is missing or doubled', async t => {
  const site = await eventSite(t);
  for (let count = 0; count < 20_000; count += 1) site.add();
  for (const since of [0, 1, 7000, 19_999, 20_000]) {
    const before = site.log.newest();
    const subscriber = await site.subscribe(`?since=${since}`);
    for (let count = 0; count < 300; count += 1) {
      site.add();
      if (count % 50 === 0) await new Promise(setImmediate);
    }
    await subscriber.untilSequence(before + 300);
    t.deepEqual(subscriber.sequences(), range(since + 1, before + 300));
    t.deepEqual(subscriber.controls(), []);
    subscriber.close();
  }
});

test('a snapshot shows the disks as of a sequence, and what follows has happened after it', async t => {
  const site = await eventSite(t);
  const one = site.service.get(site.admin, FIRST);
  for (let count = 0; count < 250; count += 1)
    site.service.disks.set(`${count}`, { ...one, uuid: crypto.randomUUID() });
  for (let count = 0; count < 5; count += 1) site.add();
  const subscriber = await site.subscribe('?snapshot=1');
  site.service.disks.clear();
  site.add();
  await subscriber.untilSequence(6);
  const snapshots = subscriber.controls().flatMap(one => (one.control === 'snapshot' ? one : []));
  t.deepEqual(
    snapshots.map(({ sequence, complete, disks }) => [sequence, complete, disks.length]),
    [
      [5, false, 100],
      [5, false, 100],
      [5, true, 52],
    ],
  );
  t.deepEqual(subscriber.sequences(), [6]);
});

test('a full snapshot has the details of each disk, in the same parts', async t => {
  const site = await eventSite(t);
  const one = site.service.get(site.admin, FIRST);
  for (let count = 0; count < 150; count += 1)
    site.service.disks.set(`${count}`, { ...one, uuid: crypto.randomUUID() });
  site.add();
  const listed = await fetch(`${site.url}/api/disks?view=full`, {
    headers: { authorization: basic('admin') },
  });
  for (const open of [site.subscribe, site.subscribeSse]) {
    const subscriber = await open('?snapshot=1&view=full');
    await subscriber.untilMessages(2);
    const snapshots = subscriber.controls().flatMap(one => (one.control === 'snapshot' ? one : []));
    t.deepEqual(
      snapshots.map(({ sequence, complete, disks }) => [sequence, complete, disks.length]),
      [
        [1, false, 100],
        [1, true, 52],
      ],
    );
    t.deepEqual(
      snapshots.flatMap(({ disks }): object[] => disks),
      await listed.clone().json(),
    );
  }
  const some = await site.subscribe(`?snapshot=1&view=full&disk=${SECOND}`);
  const [chosen] = await some.untilMessages(1);
  t.like(chosen, { control: 'snapshot', complete: true, disks: { 0: { uuid: SECOND, state: 'available' } } });
  await site.log.forget(1);
  site.add();
  const lost = await site.subscribe('?since=1000&view=full');
  const [, after] = await lost.untilMessages(2);
  t.like(after, { control: 'snapshot', disks: { 0: { uuid: FIRST, state: 'available', size: 2 } } });
});

test('a snapshot without disks is complete', async t => {
  const site = await eventSite(t);
  site.service.disks.clear();
  const subscriber = await site.subscribe('?snapshot=1');
  await subscriber.untilMessages(1);
  t.deepEqual(subscriber.messages, [{ control: 'snapshot', sequence: 0, disks: [], complete: true }]);
});

test('a sequence that the log has no more, or never had, is answered by resync and a snapshot', async t => {
  const site = await eventSite(t);
  for (let count = 0; count < 10; count += 1) site.add();
  await site.log.forget(4);
  for (const since of [1, 3, 999_998, 999_999]) {
    const subscriber = await site.subscribe(`?since=${since}`);
    await subscriber.untilMessages(2);
    const kinds = subscriber.controls().map(message => [message.control, message.sequence]);
    t.deepEqual(kinds, [
      ['resync', 5],
      ['snapshot', site.log.newest()],
    ]);
    const next = site.add();
    await subscriber.untilSequence(next.sequence);
    t.deepEqual(subscriber.sequences(), [next.sequence]);
  }
  const whole = await site.subscribe('?since=4');
  await whole.untilSequence(14);
  t.deepEqual(whole.sequences(), range(5, 14));
  const beginning = await site.subscribe('?since=0');
  await beginning.untilSequence(14);
  t.deepEqual(beginning.sequences(), range(5, 14));
});

test('filters choose disks, types and nodes, and a snapshot has the chosen disks', async t => {
  const site = await eventSite(t, { bookmarkMs: 0 });
  const attachment = (node: string) =>
    ({ id: 'a', node, vmId: '7', target: 'vda', mode: 'hot', by: 'bob' }) as const;
  site.add({ subject: FIRST, type: 'disk.created' });
  site.add({ subject: SECOND, type: 'disk.attached', attachment: attachment('n1') });
  site.add({ subject: FIRST, type: 'disk.attached', attachment: attachment('n2') });
  site.add({ subject: SECOND, type: 'disk.deleted' });
  site.add({ subject: 'ffffffff-3560-4a9a-b3b4-5f043410a3dd', type: 'disk.deleted' });
  const cases: [string, number[]][] = [
    [`disk=${FIRST}`, [1, 3]],
    [`disk=${FIRST.toUpperCase()},${SECOND}`, [1, 2, 3, 4]],
    ['type=disk.deleted', [4, 5]],
    ['type=disk.deleted,disk.created', [1, 4, 5]],
    ['node=N2.', [3]],
    ['node=n1,n2', [2, 3]],
    [`disk=${FIRST}&type=disk.attached&node=n2`, [3]],
    [`disk=${SECOND}&node=n2`, []],
  ];
  const look = async ([query, wanted]: [string, number[]]): Promise<void> => {
    const subscriber = await site.subscribe(`?since=0&${query}`);
    await until(() => subscriber.controls().length > 0, 'a bookmark, after all that is wanted');
    t.deepEqual(subscriber.sequences(), wanted, query);
  };
  await Promise.all(cases.map(look));
  const some = await site.subscribe(`?snapshot=1&disk=${SECOND}`);
  const [snapshot] = await some.untilMessages(1);
  t.deepEqual(snapshot && 'disks' in snapshot && snapshot.disks.map(disk => disk.uuid), [SECOND]);
});

test('wrong parameters are refused with a sentence', async t => {
  const site = await eventSite(t);
  for (const query of [
    'since=-1',
    'since=1.5',
    'since=',
    'since=1e3',
    'since=99999999999999999',
    'since=1&since=2',
    'snapshot=yes',
    'view=',
    'view=short',
    'disk=x',
    'disk=',
    `disk=${FIRST},`,
    'type=disk.exploded',
    'node=a_',
    'nonsense=1',
  ]) {
    await t.throwsAsync(site.subscribe(`?${query}`), { message: '400 BAD_INPUT' }, query);
  }
});

test('a GET without an upgrade is told what to ask for, and HEAD is answered', async t => {
  const site = await eventSite(t);
  const headers = { authorization: `Basic ${Buffer.from('admin:correct horse').toString('base64')}` };
  const answer = await fetch(`${site.url}/api/events`, { headers });
  t.deepEqual([answer.status, answer.headers.get('x-error-code')], [400, 'BAD_REQUEST']);
  t.regex(await answer.text(), /WebSocket.*text\/event-stream/);
  const head = await fetch(`${site.url}/api/events`, {
    method: 'HEAD',
    headers: { ...headers, accept: 'text/event-stream' },
  });
  t.deepEqual([head.status, head.headers.get('content-type')], [200, 'text/event-stream']);
});

test('half a handshake opens no WebSocket', async t => {
  const site = await eventSite(t);
  const key = `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`;
  for (const headers of [
    ['Upgrade: websocket', 'Connection: close'],
    ['Upgrade: websocket'],
    ['Upgrade: h2c', 'Connection: Upgrade'],
    ['Connection: Upgrade'],
  ]) {
    const answer = await sendRaw(
      Number(new URL(site.url).port),
      request('GET /api/events', [...headers, key, 'Sec-WebSocket-Version: 13']),
    );
    t.regex(answer, /^HTTP\/1.1 400 /, headers.join());
  }
});

test('an idle subscriber gets bookmarks, also where it may see none of the events', async t => {
  const site = await eventSite(t, { bookmarkMs: 10 });
  const subscriber = await site.subscribe('', { as: 'bob' });
  const hidden = change(1).disk;
  if (hidden)
    for (let count = 0; count < 5; count += 1) site.add({ disk: { ...hidden, visibility: 'private' } });
  await subscriber.untilSequence(5);
  t.deepEqual(subscriber.sequences(), []);
  t.deepEqual(subscriber.messages.at(-1), { control: 'bookmark', sequence: 5 });
});

test('a bookmark never comes before the end of a snapshot', async t => {
  const site = await eventSite(t, { bookmarkMs: 0 });
  const subscriber = await site.subscribe('?snapshot=1');
  await subscriber.untilMessages(2);
  t.deepEqual(
    subscriber
      .controls()
      .map(one => one.control)
      .slice(0, 2),
    ['snapshot', 'bookmark'],
  );
});

test('operators are told how full the pool is, users are not', async t => {
  const site = await eventSite(t);
  const [admin, cloud, alice] = await Promise.all(
    ['admin', 'cloud', 'alice'].map(as => site.subscribe('', { as })),
  );
  const sse = await site.subscribeSse('', { as: 'admin' });
  const all = [admin, cloud, alice, sse].filter(one => one !== undefined);
  await Promise.all(all.map(one => one.untilMessages(1)));
  site.streams.warn({ what: 'data', percent: 76, level: 'high' });
  site.add();
  await Promise.all(all.map(one => one.untilSequence(1)));
  const warnings = all.map(one => one.controls().filter(({ control }) => control === 'pool'));
  const high = { control: 'pool', sequence: 0, what: 'data', percent: 76, level: 'high' };
  t.deepEqual(warnings, [[high], [high], [], [high]]);
});

const lost = {
  kind: 'volume-lost' as const,
  disk: 'eb198dec-3560-4a9a-b3b4-5f043410a3dd',
  node: null,
  vm: null,
  domain: null,
  since: 0,
  detail: 'the disk has no volume in the pool',
  repair: 'DELETE',
};

test('operators are told of differences that come and go, users are not', async t => {
  const site = await eventSite(t);
  const [admin, cloud, alice] = await Promise.all(
    ['admin', 'cloud', 'alice'].map(as => site.subscribe('', { as })),
  );
  const sse = await site.subscribeSse('', { as: 'admin' });
  const all = [admin, cloud, alice, sse].filter(one => one !== undefined);
  await Promise.all(all.map(one => one.untilMessages(1)));
  site.streams.drift({ kind: 'volume-lost', count: 1, came: [lost], gone: [] });
  site.add();
  await Promise.all(all.map(one => one.untilSequence(1)));
  const told = all.map(one => one.controls().filter(({ control }) => control === 'drift'));
  const came = [{ ...lost, since: '1970-01-01T00:00:00.000Z' }];
  const message = { control: 'drift', kind: 'volume-lost', count: 1, came, gone: [], sequence: 0 };
  t.deepEqual(told, [[message], [message], [], [message]]);
});

test('a stream opened while there are differences gets their number by kind, one opened later does not', async t => {
  const site = await eventSite(t);
  site.streams.drift({ kind: 'volume-lost', count: 2, came: [lost], gone: [] });
  site.streams.drift({ kind: 'leftover', count: 1, came: [], gone: [] });
  const late = await site.subscribe('?snapshot=1', { as: 'cloud' });
  await late.untilMessages(3);
  const counts = late.controls().map(one => (one.control === 'drift' ? [one.kind, one.count, one.came] : []));
  t.deepEqual(counts, [[], ['volume-lost', 2, []], ['leftover', 1, []]]);
  site.streams.drift({ kind: 'volume-lost', count: 0, came: [], gone: [lost] });
  site.streams.drift({ kind: 'leftover', count: 0, came: [], gone: [] });
  await late.untilMessages(5);
  const after = await site.subscribe('', { as: 'admin' });
  site.add();
  await after.untilSequence(1);
  t.deepEqual(
    after.controls().map(({ control }) => control),
    ['bookmark'],
  );
});

test('a stream opened while the pool is full is told once, after the snapshot, one opened later is not', async t => {
  const site = await eventSite(t);
  site.streams.warn({ what: 'data', percent: 76, level: 'high' });
  site.streams.warn({ what: 'data', percent: 91, level: 'full' });
  const late = await site.subscribe('?snapshot=1', { as: 'admin' });
  await late.untilMessages(2);
  const kinds = late.controls().map(one => (one.control === 'pool' ? one.level : one.control));
  t.deepEqual(kinds, ['snapshot', 'full']);
  site.streams.warn({ what: 'data', percent: 70, level: 'ok' });
  await late.untilMessages(3);
  const after = await site.subscribe('', { as: 'admin' });
  site.add();
  await after.untilSequence(1);
  t.deepEqual(
    after.controls().map(({ control }) => control),
    ['bookmark'],
  );
});

test('the streams of an account are limited, and closing one makes room', async t => {
  const site = await eventSite(t, { perAccount: 2 });
  const first = await site.subscribe();
  await site.subscribeSse();
  await t.throwsAsync(site.subscribe(), { message: '429 TOO_MANY_STREAMS' });
  await t.notThrowsAsync(site.subscribe('', { as: 'alice' }));
  first.close();
  await until(() => site.streams.figures().streams === 2, 'the stream to end');
  await t.notThrowsAsync(site.subscribe());
});

test('of many streams opened at once no more than the limit stay open', async t => {
  const site = await eventSite(t, { perAccount: 3 });
  const all = await Promise.allSettled(Array.from({ length: 20 }, () => site.subscribe()));
  const opened = all.flatMap(one => (one.status === 'fulfilled' ? one.value : []));
  await until(() => site.streams.figures().streams === 3, 'three streams');
  const codes = new Set<number>();
  for (const one of opened) void one.closed.then(({ code }) => codes.add(code));
  site.add();
  await until(() => opened.filter(one => one.sequences().length === 1).length === 3, 'three to be served');
  t.deepEqual(
    [...codes].filter(code => code !== 4429),
    [],
  );
});

test('a stream ends with the account, whether there are events or not', async t => {
  const site = await eventSite(t);
  const alice = await site.subscribe('', { as: 'alice' });
  const bob = await site.subscribe('', { as: 'bob' });
  await Promise.all([alice.untilMessages(1), bob.untilMessages(1)]);
  await site.accounts.remove(site.admin, 'alice', () => false);
  t.is((await alice.closed).code, 4401);
  await site.accounts.put(site.admin, 'bob', { password: 'another horse', role: 'user' });
  site.add();
  t.is((await bob.closed).code, 4401);
  t.deepEqual(bob.sequences(), []);
});

test('a stream that was opened with a token ends with it', async t => {
  const site = await eventSite(t);
  const { secret, id } = await site.accounts.tokens.create(site.admin, 'monitoring', 3_600_000);
  const headers = { authorization: `Bearer ${secret}` };
  const [socket, sse] = [
    await site.subscribe('', { as: '', headers }),
    await site.subscribeSse('', { as: '', headers }),
  ];
  await Promise.all([socket.untilMessages(1), sse.untilMessages(1)]);
  await site.accounts.tokens.remove(site.admin, id);
  t.is((await socket.closed).code, 4401);
  await sse.closed;
});

test('a service that stops says so to its subscribers', async t => {
  const site = await eventSite(t);
  const socket = await site.subscribe();
  const sse = await site.subscribeSse();
  await Promise.all([socket.untilMessages(1), sse.untilMessages(1)]);
  await site.api.stop(1000);
  t.is((await socket.closed).code, 1001);
  await sse.closed;
  await t.throwsAsync(site.subscribe());
});

test('a subscriber that falls behind the oldest event is told so', async t => {
  const site = await eventSite(t);
  for (let count = 0; count < 30_000; count += 1) site.add();
  const subscriber = await site.subscribe('?since=1');
  subscriber.pause();
  await site.log.forget(site.log.newest() - 1);
  subscriber.resume();
  const { code, reason } = await subscriber.closed;
  t.is(code, 4410, reason);
  t.deepEqual(subscriber.sequences(), range(2, subscriber.sequences().length + 1));
});
