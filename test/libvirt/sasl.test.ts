import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openClient } from '../../src/libvirt/client.ts';
import { scram } from '../../src/libvirt/scram.ts';
import { SASL_LOGIN } from '../../testkit/fakes/libvirtd/sasl.ts';
import type { FakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { until } from '../../testkit/until.ts';
import { fakeFor } from './support/opened.ts';

const PATIENT = { connectTimeoutMs: 120_000 };

const fileWith = (password: string, host = 'localhost'): string => `# for tests
[credentials-first]
authname = ${SASL_LOGIN.user}
password = ${password}

[auth-libvirt-${host}]
credentials = first
`;

/** A fake that asks for SASL, and the URI of its socket with an authfile of this text. */
async function asking(
  t: ExecutionContext,
  text: string,
  mode = 0o600,
): Promise<{ fake: FakeLibvirtd; uri: string; file: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'pdisk-sasl-'));
  const fake = await fakeFor(t, { unix: join(dir, 'sock'), auth: 'sasl' });
  t.teardown(() => rm(dir, { recursive: true }));
  const file = join(dir, 'auth.conf');
  await writeFile(file, text, { mode });
  return { fake, file, uri: `${fake.uri}&authfile=${file}` };
}

async function refuses(t: ExecutionContext, uri: string, fake: FakeLibvirtd, message: RegExp): Promise<void> {
  await t.throwsAsync(openClient(uri, PATIENT), { message });
  t.false(fake.calls.some(({ procedure }) => procedure === 'connectOpen'));
  await until(() => fake.connections.open === 0, 'the connection to be closed');
}

test('SCRAM-SHA-256 makes the messages of the example in RFC 7677, and accepts its server', async t => {
  const exchange = scram('user', 'pencil', 'rOprNGfwEbeRWgbNEkqO');
  t.is(exchange.first, 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO');
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
  t.is(
    await exchange.answer(`r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`),
    `c=biws,r=${nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`,
  );
  t.notThrows(() => exchange.verify('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='));
});

test('a server that does not know the password, or repeats the nonce, or wants odd rounds, is refused', async t => {
  const exchange = scram('user', 'pencil', 'abc');
  const salt = 's=W22ZaJ0SNY7soEsUEjb6gQ==';
  for (const message of [
    `r=abc,${salt},i=4096`,
    `r=other,${salt},i=4096`,
    `r=abcd,${salt},i=1`,
    `r=abcd,${salt},i=99999999`,
    'e=unknown-user',
  ])
    await t.throwsAsync(exchange.answer(message), { name: 'TransportError' }, message);
  await exchange.answer(`r=abcd,${salt},i=4096`);
  for (const final of ['', 'v=', 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=', 'e=other-error'])
    t.throws(() => exchange.verify(final), { message: /does not prove/ }, final);
});

test('a name with commas is escaped, and text beyond ASCII is refused', t => {
  t.is(scram('a=b,c', 'x', 'n').first, 'n,,n=a=3Db=2Cc,r=n');
  t.throws(() => scram('é', 'x'), { message: /printable ASCII/ });
  t.throws(() => scram('x', ''), { message: /printable ASCII/ });
});

test('a client authenticates by SASL with the login in the authfile', async t => {
  const { fake, uri } = await asking(t, fileWith(SASL_LOGIN.password));
  const client = await openClient(uri, PATIENT);
  t.is(await client.hostname(), 'fake');
  await client.close();
  t.deepEqual(
    fake.calls.slice(0, 4).map(({ procedure }) => procedure),
    ['authList', 'authSaslInit', 'authSaslStart', 'authSaslStep'],
  );
});

test('the login of the default is used for a host without its own', async t => {
  const { uri } = await asking(t, fileWith(SASL_LOGIN.password, 'default'));
  const client = await openClient(uri, PATIENT);
  await client.close();
  t.pass();
});

test('a wrong password is reported as refused by the node, with the name and the file, never the password', async t => {
  const { fake, uri, file } = await asking(t, fileWith('wrong-password'));
  await refuses(t, uri, fake, new RegExp(`refuses pdisk of authfile ${file}: authentication failed`));
  const error = await t.throwsAsync(openClient(uri, PATIENT));
  t.false(String(error).includes('wrong-password'));
});

test('an authfile that others can read, has no login for the host or is missing is refused', async t => {
  const open = await asking(t, fileWith(SASL_LOGIN.password), 0o640);
  await refuses(t, open.uri, open.fake, /is open to others than its owner: chmod 600/);
  const other = await asking(t, fileWith(SASL_LOGIN.password, 'elsewhere'));
  await refuses(t, other.uri, other.fake, /has no login for localhost: it needs \[auth-libvirt-localhost\]/);
  await rm(other.file);
  await refuses(t, other.uri, other.fake, /authfile .* cannot be read: .*ENOENT/);
});

test('without an authfile the error says what is needed', async t => {
  const { fake } = await asking(t, '');
  await refuses(t, fake.uri, fake, /libvirt asks for SASL authentication: authfile= in the URI/);
});
