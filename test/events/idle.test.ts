import test, { type ExecutionContext } from 'ava';
import { until } from '../../testkit/until.ts';
import { eventSite } from './support/site.ts';

const LIMIT = { timeoutMs: 120_000 };
/** More events than the kernel buffers for a client that does not read. */
const MANY = 30_000;

type Site = Awaited<ReturnType<typeof eventSite>>;

/**
 * Resolves when a WebSocket that answers no pings has been closed, 16 to 20 s from now: later than
 * uWebSockets.js times out a response.
 */
async function aWhile(t: ExecutionContext): Promise<void> {
  const site = await eventSite(t, { idleSeconds: 20 });
  await (await site.subscribe('', { autoPong: false })).closed;
}

/** A client of Server-Sent Events that does not read, with more events waiting than the buffers take. */
async function stalled(site: Site) {
  const subscriber = await site.subscribeSse();
  await subscriber.untilMessages(1);
  subscriber.pause();
  for (let count = 0; count < MANY; count += 1) site.add();
  return subscriber;
}

test('a WebSocket that answers no pings is closed; one that does stays open, as do idle Server-Sent Events', async t => {
  const site = await eventSite(t, { idleSeconds: 20 });
  const [socket, sse] = [await site.subscribe(), await site.subscribeSse()];
  const silent = await site.subscribe('', { autoPong: false });
  await Promise.all([socket, sse, silent].map(one => one.untilMessages(1)));
  t.is((await silent.closed).code, 0);
  await until(() => site.streams.figures().streams === 2, 'its stream to end', LIMIT);
  site.add();
  await Promise.all([socket.untilSequence(1), sse.untilSequence(1)]);
  t.deepEqual([socket.sequences(), sse.sequences()], [[1], [1]]);
});

test('a client that stops reading Server-Sent Events for a while stays connected, as over a WebSocket', async t => {
  const site = await eventSite(t);
  const subscriber = await stalled(site);
  await aWhile(t);
  t.true(site.streams.figures().lag > 0);
  subscriber.resume();
  await subscriber.untilSequence(MANY);
  t.is(subscriber.sequences().length, MANY);
});

test('a client that reads no Server-Sent Events any more is disconnected', async t => {
  const site = await eventSite(t, { idleSeconds: 8 });
  await stalled(site);
  await until(() => site.streams.figures().streams === 0, 'the stream to end', LIMIT);
  t.pass();
});
