import test from 'ava';
import { fails, opened } from './support/opened.ts';

/** Dead after 1.2 s of silence. */
const quick = { intervalMs: 400, count: 2 };
/** Dead after 4.5 s, which is longer than a busy host delays a process. */
const patient = { intervalMs: 1500, count: 2 };
const LONGER_MS = 6000;

test('a silent peer counts as dead, and its calls have an unknown outcome', async t => {
  const { fake, client } = await opened(t, { client: { keepalive: quick } });
  const ended = new Promise<Error>(resolve => client.onClose(resolve));
  fake.faults.deaf = true;
  await fails(t, client.hostname(), { name: 'ConnectionLost', outcomeUnknown: true });
  t.regex((await ended).message, /no sign of life/);
});

test('a peer that answers PINGs counts as alive, however long a call takes', async t => {
  const { fake, client } = await opened(t, { client: { keepalive: patient } });
  fake.faults.inject('connectGetHostname', { kind: 'delay', ms: LONGER_MS });
  t.is(await client.hostname(), 'fake');
});

test('a peer that answers calls but no PING counts as alive', async t => {
  const { fake, client } = await opened(t, { client: { keepalive: { intervalMs: 2500, count: 1 } } });
  fake.faults.ignorePings = true;
  for (let i = 0; i < 30; i++) {
    fake.faults.inject('connectGetHostname', { kind: 'delay', ms: 200 });
    t.is(await client.hostname(), 'fake');
  }
});

test("the server's PINGs are answered, also while four calls are in flight", async t => {
  const { fake, client } = await opened(t, { fake: { keepalive: patient }, client: { keepalive: false } });
  fake.faults.inject('connectGetHostname', { kind: 'delay', ms: LONGER_MS }, 8);
  const calls = Array.from({ length: 8 }, () => client.hostname());
  t.deepEqual(await Promise.all(calls), Array(8).fill('fake'));
  t.is(fake.connections.made, 1);
});
