// SASL on top of TLS, with the real libvirtd.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { openClient } from '../../src/libvirt/client.ts';
import { beforeSaslTests, saslTest } from '../../testkit/libvirt-test.ts';
import { type Libvirtd, startLibvirtd } from '../../testkit/libvirtd.ts';
import { makePki, type Pki } from '../../testkit/pki.ts';

const PATIENT = { connectTimeoutMs: 120_000 };
const PASSWORD = 'correct horse';

let dir: string;
let pki: Pki;
let libvirtd: Libvirtd;
let uri: string;

beforeSaslTests(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pdisk-sasl-'));
  pki = await makePki();
  const saslDir = join(dir, 'sasl');
  await mkdir(saslDir);
  const database = join(saslDir, 'db');
  await writeFile(join(saslDir, 'libvirt.conf'), `mech_list: scram-sha-256\nsasldb_path: ${database}\n`);
  const made = promisify(execFile)('saslpasswd2', [
    ...['-p', '-c', '-a', 'libvirt', '-u', 'site'],
    ...['-f', database, 'pdisk'],
  ]);
  made.child.stdin?.end(PASSWORD);
  await made;
  libvirtd = await startLibvirtd({
    tls: await pki.server({ name: 'node', altNames: ['IP:127.0.0.1'] }),
    conf: ['auth_tls = "sasl"'],
    saslDir,
  });
  uri = `qemu+tls://127.0.0.1:${libvirtd.tlsPort}/system?pkipath=${await pki.client({ name: 'pdisk' })}`;
});

test.after.always(async () => {
  await libvirtd?.stop();
  await pki?.remove();
  if (dir) await rm(dir, { recursive: true });
});

/** The URI with an authfile that has this password. */
async function withPassword(password: string): Promise<string> {
  const file = join(dir, `auth-${password.length}`);
  const login = `[credentials-a]\nauthname=pdisk@site\npassword=${password}\n`;
  await writeFile(file, `${login}[auth-libvirt-127.0.0.1]\ncredentials=a\n`, { mode: 0o600 });
  return `${uri}&authfile=${file}`;
}

saslTest('a real libvirtd lets in who authenticates by SCRAM-SHA-256', async t => {
  const client = await openClient(await withPassword(PASSWORD), PATIENT);
  t.not(await client.hostname(), '');
  await client.close();
});

saslTest('a real libvirtd refuses a wrong password, and whoever brings none', async t => {
  await t.throwsAsync(openClient(await withPassword('wrong'), PATIENT), {
    name: 'TransportError',
    message: /libvirt on 127\.0\.0\.1 refuses pdisk@site of authfile .*: authentication failed/,
  });
  await t.throwsAsync(openClient(uri, PATIENT), { name: 'Unsupported', message: /asks for SASL/ });
});
