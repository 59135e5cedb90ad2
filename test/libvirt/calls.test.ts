import { Duplex } from 'node:stream';
import test from 'ava';
import { connectionOver } from '../../src/libvirt/connection.ts';
import { InvalidArgument, isOutcomeUnknown, LibvirtError } from '../../src/libvirt/errors.ts';
import { procedures } from '../../src/libvirt/procedures.ts';
import { gate } from '../../testkit/latch.ts';
import { until } from '../../testkit/until.ts';
import { opened } from './support/opened.ts';

test('at most four calls are in flight, the others wait in a queue', async t => {
  const { fake, client } = await opened(t);
  const { opened: released, open } = gate();
  fake.faults.inject('connectGetHostname', { kind: 'delay', until: released }, 10);
  const waiting = Array.from({ length: 10 }, () => client.hostname());
  // The fake answers this at once if it reads it: with a fifth unanswered request it would stop reading.
  const seenBefore = fake.calls.length;
  const behind = client.libVersion();
  open();
  t.deepEqual(await Promise.all(waiting), Array(10).fill('fake'));
  t.is(await behind, 9_000_000);
  t.is(fake.mostUnanswered, 4);
  t.is(fake.calls.length - seenBefore, 11);
});

test('answers that arrive out of order are matched to their calls', async t => {
  const { fake, client } = await opened(t);
  const { opened: released, open } = gate();
  fake.faults.inject('connectGetHostname', { kind: 'delay', until: released });
  const order: string[] = [];
  const slow = client.hostname().then(() => order.push('slow'));
  await client.libVersion().then(() => order.push('quick'));
  open();
  await slow;
  t.deepEqual(order, ['quick', 'slow']);
});

test('a refusal carries libvirt’s error, and its outcome is known', async t => {
  const { fake, client } = await opened(t);
  fake.faults.inject('connectGetHostname', { kind: 'refuse', code: 38, domain: 18, message: 'no: way' });
  const error = await t.throwsAsync(client.hostname(), { instanceOf: LibvirtError, message: 'no: way' });
  t.like(error, { code: 38, domain: 18, int1: -1, str1: 'no: %s' });
  t.false(isOutcomeUnknown(error));
  t.is(await client.hostname(), 'fake');
});

test('a call that is not answered in time has an unknown outcome, and the connection stays open', async t => {
  const { fake, client } = await opened(t);
  fake.addDomain({ name: 'vm1' });
  const domain = await client.lookupByName('vm1');
  fake.faults.inject('domainSuspend', { kind: 'no-answer' });
  const error = await t.throwsAsync(client.suspend(domain, { timeoutMs: 20 }), { name: 'CallTimeout' });
  t.true(isOutcomeUnknown(error));
  t.is((await client.domainState(domain)).state, 3);
});

test('an answer after the deadline is ignored and not counted as dropped', async t => {
  const { fake, client } = await opened(t);
  const { opened: released, open } = gate();
  fake.faults.inject('connectGetHostname', { kind: 'delay', until: released });
  await t.throwsAsync(client.hostname({ timeoutMs: 20 }), { name: 'CallTimeout' });
  open();
  await until(() => fake.calls.some(({ procedure }) => procedure === 'connectGetHostname'), 'the late call');
  t.is(await client.libVersion(), 9_000_000);
  t.is(client.dropped.replies, 0);
});

test('a call that was given up in the queue has a known outcome: not executed', async t => {
  const { fake, client } = await opened(t);
  const { opened: released, open } = gate();
  fake.faults.inject('connectGetHostname', { kind: 'delay', until: released }, 4);
  const full = Array.from({ length: 4 }, () => client.hostname());
  const late = await t.throwsAsync(client.libVersion({ timeoutMs: 20 }), { name: 'CallTimeout' });
  t.false(isOutcomeUnknown(late));
  const abort = new AbortController();
  const queued = t.throwsAsync(client.libVersion({ signal: abort.signal }), { name: 'AbortError' });
  abort.abort();
  t.false(isOutcomeUnknown(await queued));
  open();
  await Promise.all(full);
  t.false(fake.calls.some(({ procedure }) => procedure === 'connectGetLibVersion'));
});

test('an aborted call rejects with the reason of its signal', async t => {
  const { fake, client } = await opened(t);
  fake.faults.inject('connectGetHostname', { kind: 'no-answer' });
  const abort = new AbortController();
  const call = t.throwsAsync(client.hostname({ signal: abort.signal }), { name: 'AbortError' });
  await until(() => fake.calls.some(({ procedure }) => procedure === 'connectGetHostname'), 'the call');
  const reason = new Error('never mind');
  abort.abort(reason);
  const error = await call;
  t.is(error?.cause, reason);
  t.true(isOutcomeUnknown(error));

  const before = fake.calls.length;
  const never = await t.throwsAsync(client.libVersion({ signal: abort.signal }), { name: 'AbortError' });
  t.false(isOutcomeUnknown(never));
  await client.hostname();
  t.is(fake.calls.length, before + 1);
});

test('a connection ends when its window is full of calls that were given up', async t => {
  const { fake, client } = await opened(t);
  fake.faults.inject('connectGetHostname', { kind: 'no-answer' }, 4);
  const ended = new Promise<Error>(resolve => client.onClose(resolve));
  const abort = new AbortController();
  const given = Array.from({ length: 4 }, () => t.throwsAsync(client.hostname({ signal: abort.signal })));
  const arrived = () => fake.calls.filter(({ procedure }) => procedure === 'connectGetHostname').length;
  await until(() => arrived() === 4, 'the calls');
  abort.abort();
  await Promise.all(given);
  t.regex((await ended).message, /every call unanswered/);
});

test('when a connection is cut, each call rejects and says whether it may have been executed', async t => {
  const { fake, client } = await opened(t);
  fake.faults.inject('connectGetHostname', { kind: 'no-answer' }, 3);
  fake.faults.inject('connectGetLibVersion', { kind: 'drop-after' });
  const sent = Array.from({ length: 3 }, () => client.hostname());
  const cutter = client.libVersion();
  const queued = client.capabilities();
  for (const call of [...sent, cutter]) {
    t.true(isOutcomeUnknown(await t.throwsAsync(call, { name: 'ConnectionLost' })));
  }
  t.false(isOutcomeUnknown(await t.throwsAsync(queued, { name: 'ConnectionLost' })));
  t.false(isOutcomeUnknown(await t.throwsAsync(client.hostname(), { name: 'ConnectionLost' })));
});

test('arguments that cannot be encoded disturb neither the connection nor other calls', async t => {
  const { fake, client } = await opened(t);
  const domain = fake.addDomain({ name: 'vm1' });
  const before = fake.calls.length;
  await t.throwsAsync(client.lookupByName('vm1\0x'), { instanceOf: InvalidArgument });
  await t.throwsAsync(client.lookupByUuid('vm1'), { instanceOf: InvalidArgument });
  const huge = client.attachDevice(domain, ' '.repeat(1024 * 1024), 1);
  t.false(isOutcomeUnknown(await t.throwsAsync(huge, { instanceOf: InvalidArgument })));
  t.deepEqual(await client.lookupByName('vm1'), domain);
  t.is(fake.calls.length, before + 1);
});

test('answers that arrive byte by byte are decoded', async t => {
  const { fake, client } = await opened(t);
  fake.faults.slowBytes = true;
  t.deepEqual(await Promise.all([client.hostname(), client.libVersion()]), ['fake', 9_000_000]);
});

test('each message is one write, after the previous write has finished', async t => {
  const writes: number[] = [];
  const stream = new Duplex({
    read: () => undefined,
    write(chunk, _, done) {
      writes.push(chunk.length);
      setImmediate(done);
    },
    writev: () => t.fail('several messages at once'),
  });
  const connection = connectionOver(stream, {
    callTimeoutMs: 30_000,
    keepalive: false,
    onEvent: () => undefined,
  });
  const calls = Array.from({ length: 4 }, () => connection.call(procedures.connectGetHostname, undefined));
  const ends = calls.map(call => t.throwsAsync(call, { name: 'ConnectionLost' }));
  await until(() => writes.length === 4, 'four writes');
  connection.destroy(new Error('the test is over'));
  await Promise.all(ends);
  t.deepEqual(writes, [28, 28, 28, 28]);
});
