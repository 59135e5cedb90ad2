import test from 'ava';
import { eventSite } from './support/site.ts';

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

test('Server-Sent Events carry the same messages, and each has an id to resume from', async t => {
  const site = await eventSite(t);
  for (let count = 0; count < 500; count += 1) site.add();
  const first = await site.subscribeSse('?since=0');
  const same = await site.subscribe('?since=0');
  await Promise.all([first.untilSequence(500), same.untilSequence(500)]);
  t.deepEqual(first.messages, same.messages);
  t.is(first.id(), '500');
  first.close();
  for (let count = 0; count < 100; count += 1) site.add();
  // A browser reconnects with its first URL; the id that it saw last (Last-Event-ID) overrides the URL's
  // query.
  for (const query of ['?since=0', '?snapshot=1', '']) {
    const again = await site.subscribeSse(query, { headers: { 'last-event-id': first.id() } });
    await again.untilSequence(600);
    t.deepEqual(again.sequences(), range(501, 600), query);
    t.deepEqual(again.controls(), [], query);
  }
});

test('an interrupted snapshot is not resumed in its middle', async t => {
  const site = await eventSite(t);
  const [one] = site.service.disks.values();
  for (let count = 0; count < 150 && one; count += 1) {
    site.service.disks.set(`${count}`, { ...one, uuid: crypto.randomUUID() });
  }
  site.add();
  const subscriber = await site.subscribeSse('?snapshot=1');
  await subscriber.untilMessages(2);
  const ids = subscriber.controls().map(message => 'complete' in message && message.complete);
  t.deepEqual(ids, [false, true]);
  t.is(subscriber.id(), '1');
});

test('an invalid Last-Event-ID is refused', async t => {
  const site = await eventSite(t);
  const odd = site.subscribeSse('', { headers: { 'last-event-id': 'x' } });
  await t.throwsAsync(odd, { message: '400 BAD_REQUEST' });
});

test('a subscriber over Server-Sent Events that reads slowly gets every event all the same', async t => {
  const site = await eventSite(t);
  const subscriber = await site.subscribeSse();
  await subscriber.untilMessages(1);
  for (let round = 0; round < 10; round += 1) {
    subscriber.pause();
    for (let count = 0; count < 3000; count += 1) site.add();
    await new Promise(setImmediate);
    subscriber.resume();
    await subscriber.untilSequence((round + 1) * 3000);
  }
  t.deepEqual(subscriber.sequences(), range(1, 30_000));
});
