// The real libvirtd, reached by TLS and by ssh.
import test from 'ava';
import { openClient } from '../../src/libvirt/client.ts';
import { beforeRemoteTests, remoteTest } from '../../testkit/libvirt-test.ts';
import { type Libvirtd, startLibvirtd } from '../../testkit/libvirtd.ts';
import { makePki, type Pki } from '../../testkit/pki.ts';
import { type Sshd, startSshd } from '../../testkit/sshd.ts';
import { type Host, transportSuite } from './support/suite.ts';

const PATIENT = { connectTimeoutMs: 120_000 };

let pki: Pki;
let libvirtd: Libvirtd;
let sshd: Sshd;
let uris: Record<'tls' | 'stranger' | 'ssh', string>;

beforeRemoteTests(async () => {
  pki = await makePki();
  libvirtd = await startLibvirtd({
    tls: await pki.server({ name: 'node', altNames: ['IP:127.0.0.1'] }),
    conf: ['tls_allowed_dn_list = ["O=site,CN=pdisk"]'],
  });
  // In the mount namespace of the private libvirtd, virt-ssh-helper finds its socket in the usual place.
  const inside = `nsenter --mount --target ${await libvirtd.namespace()} sh -c "$SSH_ORIGINAL_COMMAND"`;
  sshd = await startSshd({ wrap: inside });
  const tls = async (name: string): Promise<string> =>
    `qemu+tls://127.0.0.1:${libvirtd.tlsPort}/system?pkipath=${await pki.client({ name })}`;
  uris = { tls: await tls('pdisk'), stranger: await tls('stranger'), ssh: sshd.uri({ proxy: 'native' }) };
});

test.after.always(async () => {
  await sshd?.stop();
  await libvirtd?.stop();
  await pki?.remove();
});

const hostAt = (uri: () => string) => (): Host => ({
  uri: uri(),
  otherUri: libvirtd.uri,
  dir: libvirtd.dir,
  restart: () => libvirtd.restart('KILL'),
  withSystem: () => Promise.reject(new Error('no guest here')),
  withoutSystem: () => undefined,
});
transportSuite(
  remoteTest,
  'TLS',
  hostAt(() => uris.tls),
);
transportSuite(
  remoteTest,
  'ssh',
  hostAt(() => uris.ssh),
);

remoteTest('libvirtd refuses a certificate whose name is not on its list, and the error says so', async t => {
  await t.throwsAsync(openClient(uris.stranger, PATIENT), {
    name: 'TransportError',
    message: /127\.0\.0\.1 refuses the client certificate .*clientcert\.pem: .*tls_allowed_dn_list/,
  });
});

remoteTest(
  'over TLS many calls at once do not stall libvirtd, which reads one message of a record',
  async t => {
    const client = await openClient(uris.tls, { ...PATIENT, keepalive: false });
    t.teardown(() => client.close());
    for (let round = 0; round < 20; round += 1) {
      const names = await Promise.all(Array.from({ length: 50 }, () => client.hostname()));
      t.is(new Set(names).size, 1);
    }
  },
);

remoteTest('ssh reaches libvirtd by virt-ssh-helper where it is, and by nc', async t => {
  for (const proxy of ['auto', 'netcat']) {
    const client = await openClient(sshd.uri({ proxy }), PATIENT);
    t.not(await client.hostname(), '');
    await client.close();
  }
});
