import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openClient } from '../../src/libvirt/client.ts';
import type { DomainEvent } from '../../src/libvirt/domain.ts';
import { dial } from '../../src/libvirt/transport.ts';
import { parseUri } from '../../src/libvirt/uri.ts';
import { until } from '../../testkit/until.ts';
import { fakeFor, opened } from './support/opened.ts';

test('a client asks for the authentication methods, switches keepalive on, opens, and registers its events', async t => {
  const { fake } = await opened(t, { client: { events: true } });
  t.deepEqual(
    fake.calls.map(({ procedure }) => procedure),
    [
      'authList',
      'connectSupportsFeature',
      'connectOpen',
      'connectSupportsFeature',
      ...Array<'connectRegisterEvent'>(4).fill('connectRegisterEvent'),
    ],
  );
  t.deepEqual(fake.calls[2]?.args, { name: 'qemu:///system', flags: 0 });
});

test('a client authenticates by polkit if the daemon asks for it', async t => {
  const { fake, client } = await opened(t, { fake: { auth: 'polkit' } });
  t.is(fake.calls[1]?.procedure, 'authPolkit');
  t.is(await client.hostname(), 'fake');
});

test('a refused connectOpen rejects with libvirt’s error, and no connection stays open', async t => {
  const fake = await fakeFor(t);
  fake.faults.inject('connectOpen', { kind: 'refuse', code: 5, message: 'no connection driver available' });
  await t.throwsAsync(openClient(fake.uri), { name: 'LibvirtError', message: /no connection driver/ });
  await until(() => fake.connections.open === 0, 'the connection to be closed');
});

test('the error for a missing socket names its path', async t => {
  await t.throwsAsync(openClient('qemu:///system?socket=/nowhere/sock'), {
    code: 'ENOENT',
    message: /nowhere/,
  });
});

test('the first existing socket of several is used', async t => {
  const dir = await mkdtemp(join(tmpdir(), 'pdisk-open-'));
  t.teardown(() => rm(dir, { recursive: true }));
  const fake = await fakeFor(t, { unix: join(dir, 'legacy') });
  const target = { ...parseUri('qemu:///system'), sockets: [join(dir, 'modular'), join(dir, 'legacy')] };
  const stream = await dial(target, new AbortController().signal);
  t.teardown(() => stream.destroy());
  await until(() => fake.connections.open === 1, 'the connection');
  t.pass();
});

test('connecting to a daemon that never answers ends with a time-out', async t => {
  const fake = await fakeFor(t);
  fake.faults.deaf = true;
  await t.throwsAsync(openClient(fake.uri, { connectTimeoutMs: 30 }), {
    name: 'CallTimeout',
    message: /within 30 ms/,
  });
  await until(() => fake.connections.open === 0, 'the connection to be closed');
});

test('opening can be aborted, before and while it happens', async t => {
  const fake = await fakeFor(t);
  fake.faults.deaf = true;
  const abort = new AbortController();
  const opening = openClient(fake.uri, { signal: abort.signal });
  await until(() => fake.connections.open === 1, 'the connection');
  abort.abort();
  await t.throwsAsync(opening, { name: 'AbortError' });
  await t.throwsAsync(openClient(fake.uri, { signal: abort.signal }), { name: 'AbortError' });
  await until(() => fake.connections.open === 0, 'the connection to be closed');
});

test('a server that is not libvirtd is detected', async t => {
  const server = createServer(socket => socket.end('SSH-2.0-OpenSSH_9.2p1\r\n')).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  const address = await until(() => server.address() ?? undefined, 'a port');
  const port = typeof address === 'object' ? address.port : 0;
  await t.throwsAsync(openClient(`qemu+tcp://127.0.0.1:${port}/system`), {
    name: 'ConnectionLost',
    message: /message length/,
  });
});

test('close calls connectClose, ends the connection and calls every onClose handler, also later ones', async t => {
  const { fake, client } = await opened(t);
  const early = new Promise<Error>(resolve => client.onClose(resolve));
  client.onClose(() => t.fail('unsubscribed'))();
  await Promise.all([client.close(), client.close()]);
  t.is(fake.calls.at(-1)?.procedure, 'connectClose');
  t.regex((await early).message, /closed by this side/);
  t.regex((await new Promise<Error>(resolve => client.onClose(resolve))).message, /closed by this side/);
  await until(() => fake.connections.open === 0, 'the connection to be closed');
  await t.throwsAsync(client.hostname(), { name: 'ConnectionLost' });
});

test('close does not wait for a daemon that hangs', async t => {
  const { fake, client } = await opened(t);
  fake.faults.deaf = true;
  await client.close();
  await until(() => fake.connections.open === 0, 'the connection to be closed');
  t.pass();
});

test('every subscriber gets every event in order until it is removed', async t => {
  const { fake, client } = await opened(t, { client: { events: true } });
  const [all, some]: [DomainEvent[], DomainEvent[]] = [[], []];
  client.subscribe(event => all.push(event));
  const leave = client.subscribe(event => some.push(event));
  const domain = fake.addDomain({ name: 'vm1', manners: 'refusing' });
  const disk = "<disk><source file='/d'/><target dev='vda'/><alias name='ua-1'/></disk>";
  await client.attachDevice(domain, disk, 1);
  await until(() => some.length === 3, 'three events');
  leave();
  await client.detachDeviceByAlias(domain, 'ua-1', 1);
  fake.destroy('vm1');
  await until(() => all.length === 6, 'six events');
  t.deepEqual(
    all.map(event => (event.type === 'lifecycle' ? [event.event, event.detail] : event.type)),
    [[4, 0], [2, 0], 'device-added', 'device-removal-failed', [6, 2], [5, 1]],
  );
  t.is(some.length, 3);
});
