// TLS against the fake: what both sides refuse, and the deadline. test/libvirt/transports.test.ts has the
// real libvirtd.
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openClient } from '../../src/libvirt/client.ts';
import { type FakeLibvirtd, type FakeTls, startFakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { makePki, type Pki } from '../../testkit/pki.ts';
import { until } from '../../testkit/until.ts';
import { fails, fakeFor } from './support/opened.ts';
import { transportSuite } from './support/suite.ts';

const PATIENT = { connectTimeoutMs: 120_000 };

let ours: Pki;
let others: Pki;
/** Folders of the server's certificate and of a client's, of one CA. */
let server: string;
let client: string;
let dir: string;
let shared: FakeLibvirtd;

test.before(async () => {
  [ours, others] = await Promise.all([makePki(), makePki()]);
  server = await ours.server({ name: 'node', altNames: ['IP:127.0.0.1'] });
  client = await ours.client({ name: 'pdisk' });
  dir = await mkdtemp(join(tmpdir(), 'pdisk-fake-'));
  shared = await startFakeLibvirtd({ tcp: 0, tls: { pki: server } });
  shared.addDomain({ name: 'guest' });
});

test.after.always(async () => {
  await shared?.stop();
  await Promise.all([ours?.remove(), others?.remove()]);
  await rm(dir, { recursive: true, force: true });
});

const fakeOf = (t: ExecutionContext, settings: Partial<FakeTls>): Promise<FakeLibvirtd> =>
  fakeFor(t, { tcp: 0, tls: { pki: server, ...settings } });

const uriOf = (fake: { tlsPort: number | undefined }, pki: string, host = '127.0.0.1'): string =>
  `qemu+tls://${host}:${fake.tlsPort}/system?pkipath=${pki}`;

transportSuite(test.serial, 'TLS', () => ({
  uri: uriOf(shared, client),
  otherUri: shared.tcpUri ?? '',
  dir,
  async restart() {
    await shared.stop();
    await shared.listen();
  },
  withSystem: async () => 'guest',
  withoutSystem: name => shared.setManners(name, 'unwilling'),
}));

/** Checks that the connection is refused with this sentence, and that the daemon executed nothing. */
async function refuses(t: ExecutionContext, fake: FakeLibvirtd, uri: string, message: RegExp): Promise<void> {
  await t.throwsAsync(openClient(uri, PATIENT), { name: 'TransportError', message });
  t.deepEqual(fake.calls, []);
}

test('a host whose certificate another CA has signed is refused, and the CA’s file is named', async t => {
  const fake = await fakeOf(t, {});
  const stranger = await others.client({ name: 'pdisk' });
  await refuses(
    t,
    fake,
    uriOf(fake, stranger),
    /127\.0\.0\.1 shows is not accepted: .*client-\d+\/cacert\.pem/,
  );
});

test('a host whose certificate has expired is refused', async t => {
  const fake = await fakeOf(t, {
    pki: await ours.server({ name: 'node', altNames: ['IP:127.0.0.1'], days: -1 }),
  });
  await refuses(t, fake, uriOf(fake, client), /127\.0\.0\.1 shows is not accepted: certificate has expired/);
});

test('a host whose certificate has another name is refused, and both names are told', async t => {
  const fake = await fakeOf(t, { pki: await ours.server({ name: 'n', altNames: ['DNS:node-7.example'] }) });
  await refuses(t, fake, uriOf(fake, client), /is for another host: .*127\.0\.0\.1.*/);
  await refuses(t, fake, uriOf(fake, client, 'localhost'), /localhost.*DNS:node-7\.example/);
});

test('a client certificate that has expired is not shown, and its file is named', async t => {
  const fake = await fakeOf(t, {});
  const expired = await ours.client({ name: 'pdisk', days: -1 });
  await refuses(t, fake, uriOf(fake, expired), /client certificate .*client-\d+\/clientcert\.pem expired on/);
});

test('a client certificate that the node does not trust is reported as refused by the node', async t => {
  const fake = await fakeOf(t, {});
  const mixed = await others.client({ name: 'pdisk' });
  await cp(ours.ca, join(mixed, 'cacert.pem'));
  await refuses(t, fake, uriOf(fake, mixed), /127\.0\.0\.1 refuses the client certificate .*clientcert\.pem/);
});

test('a client certificate whose name is not on the node’s list is reported as refused by the node', async t => {
  const fake = await fakeOf(t, { allowed: 'somebody else' });
  await refuses(t, fake, uriOf(fake, client), /refuses the client certificate .*tls_allowed_dn_list/);
});

test('another byte than 1 after the handshake is a refusal', async t => {
  const fake = await fakeOf(t, { verdict: 0 });
  await refuses(t, fake, uriOf(fake, client), /answers the client certificate .* with byte 0/);
});

test('files that are missing or do not fit are named', async t => {
  const fake = await fakeOf(t, {});
  const folder = await mkdtemp(join(tmpdir(), 'pdisk-files-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const uri = uriOf(fake, folder);
  await refuses(
    t,
    fake,
    uri,
    /the (?:CA certificate|client certificate|client key) .* cannot be read: ENOENT/,
  );
  await cp(client, folder, { recursive: true });
  await cp(join(await ours.client({ name: 'other' }), 'clientkey.pem'), join(folder, 'clientkey.pem'));
  await refuses(t, fake, uri, /clientcert\.pem with the key .*clientkey\.pem cannot be used: .*mismatch/);
  await cp(client, folder, { recursive: true });
  await writeFile(join(folder, 'cacert.pem'), 'nothing');
  await refuses(t, fake, uri, /cacert\.pem is no PEM file/);
  await writeFile(join(folder, 'clientcert.pem'), 'nothing');
  await refuses(t, fake, uri, /clientcert\.pem is no certificate/);
});

test('renewed files are used by the next connection', async t => {
  const fake = await fakeOf(t, { allowed: 'second' });
  const folder = await mkdtemp(join(tmpdir(), 'pdisk-files-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await cp(await ours.client({ name: 'first' }), folder, { recursive: true });
  await refuses(t, fake, uriOf(fake, folder), /refuses the client certificate/);
  await cp(await ours.client({ name: 'second' }), folder, { recursive: true });
  const opened = await openClient(uriOf(fake, folder), PATIENT);
  t.is(await opened.hostname(), 'fake');
  await opened.close();
});

test('a revoked list that is no list is refused, since ignoring it would let revoked hosts in', async t => {
  const fake = await fakeOf(t, {});
  const folder = await ours.client({ name: 'pdisk' });
  await writeFile(join(folder, 'cacrl.pem'), 'nothing');
  await refuses(t, fake, uriOf(fake, folder), /cacrl\.pem cannot be used/);
});

test('a peer that stops in the handshake or after it is left at the deadline', async t => {
  const open = new Set<Socket>();
  const mute = createServer(socket => {
    // Reads: an end that is not read is not noticed.
    open.add(
      socket
        .resume()
        .on('error', () => undefined)
        .on('close', () => open.delete(socket)),
    );
  }).listen(0, '127.0.0.1');
  t.teardown(() => mute.close());
  const address = await until(() => mute.address() ?? undefined, 'a port');
  const tlsPort = typeof address === 'object' ? address.port : 0;
  const expected = { name: 'CallTimeout', message: /no connection to qemu\+tls:.* within 2000 ms/ };
  await t.throwsAsync(openClient(uriOf({ tlsPort }, client), { connectTimeoutMs: 2000 }), expected);
  await until(() => open.size === 0, 'the connection to be closed');

  const fake = await fakeOf(t, { verdict: undefined });
  await t.throwsAsync(openClient(uriOf(fake, client), { connectTimeoutMs: 2000 }), expected);
});

test('a peer that speaks no TLS is reported as such', async t => {
  const server = createServer(socket => socket.end('SSH-2.0-OpenSSH_9.2p1\r\n')).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  const address = await until(() => server.address() ?? undefined, 'a port');
  const tlsPort = typeof address === 'object' ? address.port : 0;
  await t.throwsAsync(openClient(uriOf({ tlsPort }, client), PATIENT), {
    name: 'TransportError',
    message: /no TLS with 127\.0\.0\.1/,
  });
});

test('a connection that is cut in the middle of a call leaves the outcome of the call unknown', async t => {
  const fake = await fakeOf(t, {});
  const opened = await openClient(uriOf(fake, client), PATIENT);
  fake.faults.inject('connectGetHostname', { kind: 'no-answer' });
  const lost = opened.hostname();
  await until(() => fake.calls.some(({ procedure }) => procedure === 'connectGetHostname'), 'the call');
  fake.dropConnections();
  await fails(t, lost, { name: 'ConnectionLost', outcomeUnknown: true });
});
