import test from 'ava';
import fc from 'fast-check';
import { backoffMs } from '../../src/libvirt/backoff.ts';
import type { DomainEvent } from '../../src/libvirt/domain.ts';
import { isOutcomeUnknown, Unsupported } from '../../src/libvirt/errors.ts';
import { type LinkOptions, reconnectingLink } from '../../src/libvirt/reconnect.ts';
import { until } from '../../testkit/until.ts';
import { fails, fakeFor, opened } from './support/opened.ts';

const quick: LinkOptions = { events: true, backoff: { baseMs: 5, capMs: 20 }, eagerRetryMs: 0 };
const slow: LinkOptions = { events: true, backoff: { baseMs: 60_000, capMs: 60_000 } };

test('the pause before a retry doubles up to the cap, and half of it is random', t => {
  const settings = { baseMs: 100, capMs: 1000 };
  const without = [0, 1, 2, 3, 4, 5, 2000].map(attempt => backoffMs(attempt, settings, () => 0));
  t.deepEqual(without, [50, 100, 200, 400, 500, 500, 500]);
  fc.assert(
    fc.property(fc.nat(100), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, chance) => {
      const pause = backoffMs(attempt, settings, () => chance);
      t.true(pause >= backoffMs(attempt, settings, () => 0));
      t.true(pause <= Math.min(1000, 100 * 2 ** attempt));
    }),
  );
});

test('a link connects, announces it, and returns its client', async t => {
  const fake = await fakeFor(t);
  const link = reconnectingLink(fake.uri, quick);
  t.teardown(() => link.close());
  t.is(link.state, 'connecting');
  const before = link.since;
  const ups: number[] = [];
  link.onUp((_, generation) => ups.push(generation));
  t.is(await (await link.client()).hostname(), 'fake');
  t.like(link, { state: 'up', generation: 1, lastError: undefined });
  t.true(link.since >= before && link.since <= Date.now());
  t.deepEqual(ups, [1]);
});

test('after a loss the link reconnects, with a new generation, and registers its events before it is announced', async t => {
  const fake = await fakeFor(t);
  fake.addDomain({ name: 'vm1' });
  const link = reconnectingLink(fake.uri, quick);
  t.teardown(() => link.close());
  const seen: [DomainEvent, number][] = [];
  const downs: number[] = [];
  link.onEvent((event, generation) => seen.push([event, generation]));
  link.onDown((_, generation) => downs.push(generation));
  const first = await link.client();

  const registeredAtUp: number[] = [];
  link.onUp(() => {
    registeredAtUp.push(fake.calls.filter(({ procedure }) => procedure === 'connectRegisterEvent').length);
    // No event may be missed from now on.
    fake.destroy('vm1');
  });
  fake.dropConnections();
  await until(() => seen.length === 2, 'the events of the destroyed VM');
  t.is(link.generation, 2);
  t.deepEqual(registeredAtUp, [8]);
  t.deepEqual(downs, [1]);
  t.deepEqual(
    seen.map(([, generation]) => generation),
    [2, 2],
  );
  t.not(await link.client(), first);
  await t.throwsAsync(first.hostname(), { name: 'ConnectionLost' });
});

test('an event that arrives while the connection is opened is delivered after its announcement', async t => {
  const fake = await fakeFor(t);
  const domain = fake.addDomain({ name: 'vm1' });
  const link = reconnectingLink(fake.uri, quick);
  t.teardown(() => link.close());
  const order: string[] = [];
  link.onUp(() => order.push('up'));
  link.onEvent(({ type }) => order.push(type));
  // The client is registered for lifecycle events, and three more registrations follow.
  const registrations = () =>
    fake.calls.filter(({ procedure }) => procedure === 'connectRegisterEvent').length;
  let release: () => void = () => undefined;
  const released = new Promise<void>(resolve => {
    release = resolve;
  });
  fake.faults.inject('connectRegisterEvent', { kind: 'delay' });
  fake.faults.inject('connectRegisterEvent', { kind: 'delay', until: released });
  await until(() => registrations() === 1, 'the first registration');
  fake.emit({ type: 'lifecycle', domain, event: 5, detail: 0 });
  t.deepEqual(order, []);
  release();
  await until(() => order.length === 2, 'the event');
  t.deepEqual(order, ['up', 'lifecycle']);
});

test('a link connects to a daemon that starts later, and to one that restarts', async t => {
  const fake = await fakeFor(t);
  await fake.stop();
  const link = reconnectingLink(fake.uri, quick);
  t.teardown(() => link.close());
  await until(() => link.state === 'down', 'the first attempt to fail');
  t.regex(String(link.lastError), /ECONNREFUSED/);
  await fake.listen();
  await until(() => link.state === 'up', 'the link');
  await fake.stop();
  await until(() => link.state !== 'up', 'the loss to be noticed');
  await fake.listen();
  await until(() => link.generation === 2, 'the second connection');
  t.pass();
});

test('during a back-off pause, client() tries at once, and rejects with the error of that attempt', async t => {
  const fake = await fakeFor(t);
  await fake.stop();
  const link = reconnectingLink(fake.uri, { ...slow, eagerRetryMs: 0 });
  t.teardown(() => link.close());
  const error = await t.throwsAsync(link.client(), { name: 'NodeUnreachable', message: /ECONNREFUSED/ });
  t.is(error?.cause, link.lastError);
  t.false(isOutcomeUnknown(error));
  await fake.listen();
  t.is(await (await link.client()).hostname(), 'fake');
  t.is(link.generation, 1);
});

test('many calls of client() during a back-off pause cause one attempt', async t => {
  const fake = await fakeFor(t);
  fake.faults.inject('connectOpen', { kind: 'drop-before' }, 100);
  const link = reconnectingLink(fake.uri, { ...slow, eagerRetryMs: 60_000 });
  t.teardown(() => link.close());
  await Promise.all(
    Array.from({ length: 20 }, () => t.throwsAsync(link.client(), { name: 'NodeUnreachable' })),
  );
  await t.throwsAsync(link.client(), { name: 'NodeUnreachable' });
  t.is(fake.connections.made, 1);
});

test('a waiting client() can be aborted, and the link goes on', async t => {
  const fake = await fakeFor(t);
  fake.faults.deaf = true;
  const link = reconnectingLink(fake.uri, { ...quick, connectTimeoutMs: 60_000 });
  t.teardown(() => link.close());
  const abort = new AbortController();
  const waiting = link.client({ signal: abort.signal });
  await until(() => fake.connections.open === 1, 'the attempt');
  abort.abort();
  await fails(t, waiting, { name: 'AbortError', outcomeUnknown: false });
  t.is(link.state, 'connecting');
});

test('keepalive ends the connection to a daemon that hangs, and the link reconnects', async t => {
  const fake = await fakeFor(t);
  const keepalive = { intervalMs: 500, count: 1 };
  // The fake loses all that it is sent while it is deaf, so an attempt of that time ends by its time-out.
  const link = reconnectingLink(fake.uri, { ...quick, connectTimeoutMs: 4000, keepalive });
  t.teardown(() => link.close());
  const downs: string[] = [];
  link.onDown(reason => downs.push(reason.message));
  await until(() => link.state === 'up', 'the first connection');
  fake.faults.deaf = true;
  await until(() => downs.includes('no sign of life from libvirt'), 'the silence to be noticed');
  fake.faults.deaf = false;
  await until(() => link.state === 'up', 'the next connection');
  t.true(link.generation >= 2);
});

test('whoever loses a call with the connection finds the link down, not up with a dead client', async t => {
  const fake = await fakeFor(t);
  const link = reconnectingLink(fake.uri, quick);
  t.teardown(() => link.close());
  const client = await link.client();
  fake.faults.inject('connectGetHostname', { kind: 'no-answer' });
  const lost = client.hostname();
  await until(() => fake.calls.some(({ procedure }) => procedure === 'connectGetHostname'), 'the call');
  fake.dropConnections();
  await fails(t, lost, { name: 'ConnectionLost', outcomeUnknown: true });
  t.not(link.state, 'up');
});

test('closing a link ends its connection, its retries and its waiting callers', async t => {
  const { fake } = await opened(t);
  const up = reconnectingLink(fake.uri, quick);
  await up.client();
  up.onDown(() => t.fail('closing is not a loss'));
  await Promise.all([up.close(), up.close()]);
  t.is(up.state, 'closed');
  await t.throwsAsync(up.client(), { name: 'NodeUnreachable', message: /closed/ });
  await until(() => fake.connections.open === 1, 'the connection of the link to be closed');

  fake.faults.deaf = true;
  const connecting = reconnectingLink(fake.uri, quick);
  const waiting = t.throwsAsync(connecting.client(), { name: 'NodeUnreachable', message: /closed/ });
  await until(() => fake.connections.open === 2, 'the attempt');
  await connecting.close();
  await waiting;
  await until(() => fake.connections.open === 1, 'the attempt to end');

  const closedAtOnce = reconnectingLink(fake.uri, quick);
  await closedAtOnce.close();
  t.is(closedAtOnce.generation, 0);
});

test('an unsupported URI is refused at once', t => {
  t.throws(() => reconnectingLink('qemu+ssh://host/system'), { instanceOf: Unsupported });
});
