import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openEventLog } from '../../src/events/log.ts';
import { recordKinds } from '../../src/record-kinds.ts';
import { eventKey } from '../../src/store/keys.ts';
import { openStore } from '../../src/store/store.ts';
import { change } from './support/memory-log.ts';
import { eventSite } from './support/site.ts';

const EVENTS = 100_000;
const BATCH = 500;
/** The kernel buffers a few MB for a connection on one host; an event has about 600 bytes. */
const IN_BUFFERS = 30_000;

test('a subscriber that stops reading has a bounded queue, delays no other, and gets every event later', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-slow-'));
  const store = await openStore({ kinds: recordKinds, directory, onFailure: error => t.fail(error.message) });
  const log = await openEventLog(store);
  const site = await eventSite(t, { log });
  t.teardown(async () => {
    site.streams.stop();
    await store.close();
    await rm(directory, { recursive: true });
  });
  const slow = await site.subscribe();
  const other = await site.subscribe();
  await Promise.all([slow.untilMessages(1), other.untilMessages(1)]);
  slow.pause();
  for (let first = 1; first <= EVENTS; first += BATCH) {
    const events = Array.from({ length: BATCH }, (_, index) => change(first + index));
    await store.commit(events.map(event => ({ key: eventKey(event.sequence), value: event })));
    log.publish(events);
    await other.untilSequence(first + BATCH - 1);
  }
  const { lag } = site.streams.figures();
  t.true(lag > EVENTS - IN_BUFFERS, `${EVENTS - lag} events were taken off the log for who does not read`);
  slow.resume();
  await slow.untilSequence(EVENTS);
  for (const one of [slow, other]) {
    t.is(one.sequences().length, EVENTS);
    t.true(one.sequences().every((sequence, index) => sequence === index + 1));
  }
});
