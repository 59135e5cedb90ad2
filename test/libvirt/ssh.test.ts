// A real ssh and a real sshd, and behind it the fake, by nc. test/libvirt/transports.test.ts has the real
// libvirtd and virt-ssh-helper.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openClient } from '../../src/libvirt/client.ts';
import { reconnectingLink } from '../../src/libvirt/reconnect.ts';
import { dial } from '../../src/libvirt/transport.ts';
import { sshArguments } from '../../src/libvirt/transports/ssh-command.ts';
import { parseUri } from '../../src/libvirt/uri.ts';
import { type FakeLibvirtd, startFakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { beforeSshTests, sshTest } from '../../testkit/libvirt-test.ts';
import { type Sshd, startSshd } from '../../testkit/sshd.ts';
import { until } from '../../testkit/until.ts';
import { fails } from './support/opened.ts';
import { transportSuite } from './support/suite.ts';

const PATIENT = { connectTimeoutMs: 120_000 };

let sshd: Sshd;
let fake: FakeLibvirtd;
let dir: string;
let socket: string;

beforeSshTests(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pdisk-fake-'));
  socket = join(dir, 'sock');
  fake = await startFakeLibvirtd({ unix: socket });
  fake.addDomain({ name: 'guest' });
  sshd = await startSshd();
});

test.after.always(async () => {
  await sshd?.stop();
  await fake?.stop();
  if (dir) await rm(dir, { recursive: true, force: true });
});

transportSuite(sshTest, 'ssh', () => ({
  uri: sshd.uri({ socket }),
  otherUri: fake.uri,
  dir,
  async restart() {
    await fake.stop();
    await fake.listen();
  },
  withSystem: async () => 'guest',
  withoutSystem: name => fake.setManners(name, 'unwilling'),
}));

const refuses = (t: ExecutionContext, parameters: Record<string, string>, message: RegExp) =>
  t.throwsAsync(openClient(sshd.uri({ socket, ...parameters }), PATIENT), {
    name: 'TransportError',
    message,
  });

sshTest('a host key that is unknown or another one is refused, and the file is named', async t => {
  await refuses(t, { known_hosts: '/dev/null' }, /Host key verification failed; .*verified with \/dev\/null/);
  await refuses(t, { known_hosts: sshd.wrongHosts }, /Host key verification failed; .*wrong_hosts/);
});

sshTest('a key that the node refuses is reported with ssh’s words and the key’s file', async t => {
  await refuses(
    t,
    { keyfile: sshd.strangeKey },
    /status 255: .*Permission denied.*; the node refuses .*strange/,
  );
});

sshTest('what fails on the node is reported with its words', async t => {
  await refuses(t, { socket: join(dir, 'no-sock') }, /ssh to root@127\.0\.0\.1 ended .*no-sock/);
  await refuses(t, { netcat: 'no-such-nc' }, /no-such-nc.*not found; the node needs virt-ssh-helper or nc/);
});

sshTest('an ssh that cannot be started is reported', async t => {
  await refuses(t, { command: '/no/such/ssh' }, /\/no\/such\/ssh cannot be started: .*ENOENT/);
});

sshTest('the first socket of several that exists on the node is used', async t => {
  const target = parseUri(sshd.uri({ socket }));
  const stream = await dial(
    { ...target, sockets: [join(dir, 'no-sock'), socket] },
    new AbortController().signal,
  );
  t.teardown(() => stream.destroy());
  const before = fake.connections.made;
  await until(() => fake.connections.made > before, 'the connection');
  t.pass();
});

sshTest('a peer that stops in the handshake is left at the deadline, and ssh has ended', async t => {
  const open = new Set<Socket>();
  const mute = createServer(peer => {
    open.add(peer.on('error', () => undefined).on('close', () => open.delete(peer)));
    peer.resume();
  }).listen(0, '127.0.0.1');
  t.teardown(() => mute.close());
  const address = await until(() => mute.address() ?? undefined, 'a port');
  const port = typeof address === 'object' ? address.port : 0;
  const uri = `qemu+ssh://root@127.0.0.1:${port}/system?${sshd.query()}`;
  await t.throwsAsync(openClient(uri, { connectTimeoutMs: 100 }), {
    name: 'CallTimeout',
    message: /within 100 ms/,
  });
  const giveUp = new AbortController();
  const opening = openClient(uri, { ...PATIENT, signal: giveUp.signal });
  await until(() => open.size > 0, 'ssh to connect');
  giveUp.abort();
  await t.throwsAsync(opening, { name: 'AbortError' });
  await until(() => open.size === 0, 'the end of ssh');
});

sshTest(
  'a connection that is cut in the middle of a call leaves the outcome of the call unknown',
  async t => {
    const before = new Set(await sshd.sessions());
    const client = await openClient(sshd.uri({ socket }), PATIENT);
    fake.faults.inject('connectGetHostname', { kind: 'no-answer' });
    const [calls, lost] = [fake.calls.length, client.hostname()];
    await until(() => fake.calls.length > calls, 'the call');
    const ours = (await sshd.sessions()).filter(pid => !before.has(pid));
    t.is(ours.length, 1);
    for (const pid of ours) process.kill(pid, 'SIGKILL');
    await fails(t, lost, { name: 'ConnectionLost', outcomeUnknown: true });
  },
);

sshTest('closing a link ends its ssh', async t => {
  const link = reconnectingLink(sshd.uri({ socket }), PATIENT);
  t.is(await (await link.client()).hostname(), 'fake');
  t.true((await sshd.sessions()).length > 0);
  await link.close();
  await until(async () => (await sshd.sessions()).length === 0, 'the end of every session');
});

test('no word of a URI becomes an option of ssh or a command of a shell', t => {
  const uri = "qemu+ssh://me@node:2222/system?a='$(x)'&keyfile=/k%20k&known_hosts=/h";
  const target = parseUri(uri);
  if (!target.ssh) return t.fail();
  const words = sshArguments(target, target.ssh);
  const [host, command, ...more] = words.slice(words.indexOf('--') + 1);
  t.deepEqual([host, more], ['node', []]);
  const name = target.name.replaceAll("'", "'\\''");
  t.true(command?.includes(`virt-ssh-helper '${name}'`.replaceAll("'", "'\\''")), command);
  for (const word of [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    'IdentityFile="/k k"',
    'IdentitiesOnly=yes',
  ])
    t.true(words.includes(word), word);
  t.is(words[words.indexOf('-l') + 1], 'me');
  t.is(words[words.indexOf('-p') + 1], '2222');
});
