import { once } from 'node:events';
import { chmod, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { basic, request } from '../../testkit/http.ts';
import { cheap } from '../accounts/support/memory-store.ts';
import { diskDouble, FIRST, nodeDouble } from './support/disks.ts';
import { startServer } from './support/server.ts';

const served = (
  t: ExecutionContext,
  settings: NonNullable<Parameters<typeof startServer>[4]>,
  service = diskDouble(),
) => startServer(t, service, nodeDouble, cheap, settings);
const code = (answer: string) => /X-Error-Code: (\w+)/.exec(answer)?.[1];
const fixture = (name: string) => fileURLToPath(new URL(`support/tls/${name}`, import.meta.url));

test('on loopback only names of the service are answered: another name may be DNS rebinding', async t => {
  const { raw } = await served(t, { hostNames: ['disks.example'] });
  const ask = (host: string) => raw(request('GET /').replace('Host: localhost', `Host: ${host}`));
  for (const host of [
    'localhost',
    'LOCALHOST:8445',
    'localhost.',
    '127.0.0.1:1',
    '127.9.9.9',
    '[::1]:80',
    '[::1]',
    'disks.example:8445',
  ])
    t.regex(await ask(host), /^HTTP\/1\.1 200/, host);
  for (const host of [
    'evil.example',
    'localhost.evil.example',
    '10.0.0.1',
    '127.0.0.1.evil.example',
    'x:y:z',
    '[',
    '@',
    'localhost@evil',
  ]) {
    const answer = await ask(host);
    t.regex(answer, /^HTTP\/1\.1 400 Bad Request/, host);
    t.is(code(answer), 'HOST_UNKNOWN');
  }
});

test('a page of another site changes nothing, whatever credentials its browser sends', async t => {
  const { raw, service } = await served(t, {});
  const foreign = [
    'Sec-Fetch-Site: cross-site',
    'Sec-Fetch-Site: same-site',
    'Origin: http://evil.example',
    'Origin: null',
    'Origin: http://localhost:81',
    'Origin: http://localhost.evil',
  ];
  for (const header of foreign) {
    for (const line of [
      `DELETE /api/disks/${FIRST}`,
      'POST /api/create',
      'PUT /api/users/x',
      'PATCH /api/disks',
    ]) {
      const answer = await raw(request(line, [header]));
      t.regex(answer, /^HTTP\/1\.1 400 Bad Request/, `${line} ${header}`);
      t.is(code(answer), 'CROSS_SITE');
    }
    t.regex(await raw(request('GET /api/disks', [header])), /^HTTP\/1\.1 200/);
  }
  t.deepEqual(service.calls, []);
  for (const header of [
    'Sec-Fetch-Site: same-origin',
    'Sec-Fetch-Site: none',
    'Origin: http://localhost',
    'Origin: HTTPS://Localhost',
  ])
    t.regex(await raw(request(`POST /api/retry/${FIRST}`, [header])), /^HTTP\/1\.1 200/, header);
});

test('pages may load nothing from elsewhere, and no other answer is taken for a page', async t => {
  const { ask } = await served(t, {});
  const page = await ask('GET', '/');
  t.is(page.headers.get('content-security-policy'), "default-src 'self'");
  for (const path of ['/', '/api/disks', '/api/nothing'])
    t.is((await ask('GET', path)).headers.get('x-content-type-options'), 'nosniff');
});

test('a request id of the client is used if it is valid', async t => {
  const causes: unknown[] = [];
  const service = diskDouble({
    async delete(_caller, _uuid, cause) {
      causes.push(cause.request);
    },
  });
  const { ask, log } = await served(t, {}, service);
  const id = async (own: string) =>
    (await ask('DELETE', `/api/disks/${FIRST}`, { headers: { 'x-request-id': own } })).headers.get(
      'x-request-id',
    );
  const sane = ['a', '7f3d-1/2:3+4=~@.', 'x'.repeat(128)];
  for (const own of sane) t.is(await id(own), own);
  t.deepEqual(causes, sane);
  t.deepEqual(
    log.map(line => line.request),
    sane,
  );
  for (const own of ['', 'a b', 'a"b', 'ü', '{}', 'x'.repeat(129)])
    t.regex((await id(own)) ?? '', /^[\w-]{21}$/, own);
});

test('requests beyond the setting are answered 503 with Retry-After', async t => {
  let end = (): void => {};
  const ended = new Promise<void>(resolve => {
    end = resolve;
  });
  const { ask } = await served(t, { maxRequests: 2 }, diskDouble({ delete: () => ended }));
  const working = [1, 2].map(() => ask('DELETE', `/api/disks/${FIRST}`));
  let busy = await ask('GET', '/');
  while (busy.status === 200) busy = await ask('GET', '/');
  t.deepEqual([busy.status, busy.headers.get('x-error-code')], [503, 'BUSY']);
  t.regex(busy.headers.get('retry-after') ?? '', /^\d+$/);
  end();
  for (const { status } of await Promise.all(working)) t.is(status, 200);
  t.is((await ask('GET', '/')).status, 200);
});

test('connections beyond the setting are closed at once, and one that ends makes room', async t => {
  const { port } = await served(t, { maxConnections: 2 });
  const open = async () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(request('GET /'));
    const outcome = await new Promise<string>(resolve => {
      socket.once('data', () => resolve('served'));
      socket.once('close', () => resolve('closed'));
    });
    return { socket, outcome };
  };
  const first = await open();
  const second = await open();
  t.deepEqual([first.outcome, second.outcome, (await open()).outcome], ['served', 'served', 'closed']);
  first.socket.destroy();
  let again = await open();
  for (let attempt = 0; again.outcome === 'closed' && attempt < 1000; attempt += 1) again = await open();
  t.is(again.outcome, 'served');
  second.socket.destroy();
  again.socket.destroy();
});

async function secure(t: ExecutionContext, service = diskDouble()) {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-tls-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const tls = { certificate: join(directory, 'crt'), key: join(directory, 'key') };
  const install = async (name: string) => {
    await copyFile(fixture(`${name}.crt`), tls.certificate);
    await copyFile(fixture(`${name}.key`), tls.key);
  };
  await install('first');
  const server = await served(t, { tls }, service);
  /** The body of an answer, and the certificate that was shown. */
  const fetchOver = (agent: Agent | false, path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: basic('admin') };
      get(
        { host: '127.0.0.1', port: server.port, path, headers, agent, rejectUnauthorized: false },
        response => {
          const subject =
            response.socket instanceof TLSSocket ? response.socket.getPeerCertificate().subject.CN : '';
          let text = '';
          response.on('data', data => {
            text += data;
          });
          response.on('end', () => resolve(`${text.trim()} of ${subject}`));
        },
      ).on('error', reject);
    });
  return { ...server, tls, install, fetchOver };
}

test('a new certificate is used for new connections while requests go on, those in progress included', async t => {
  let end = (): void => {};
  const held = new Promise<void>(resolve => {
    end = resolve;
  });
  let begun = (): void => {};
  const working = new Promise<void>(resolve => {
    begun = resolve;
  });
  const service = diskDouble({
    async element() {
      begun();
      await held;
      return '<disk/>';
    },
  });
  const { fetchOver, install, reload, stop } = await secure(t, service);
  const kept = new Agent({ keepAlive: true, maxSockets: 1 });
  t.is(await fetchOver(kept, '/'), 'pdisk of first');
  const slow = fetchOver(kept, `/api/disks/${FIRST}/libvirt?node=x&vm_id=1`);
  await working;
  let dropped = 0;
  let swapped = false;
  const traffic = Array.from({ length: 8 }, async () => {
    for (let round = 0; round < 30; round += 1) {
      const before = swapped;
      const answer = await fetchOver(false, '/').catch(() => {
        dropped += 1;
      });
      if (before) t.is(answer, 'pdisk of second');
    }
  });
  await install('second');
  reload();
  swapped = true;
  await Promise.all(traffic);
  t.is(dropped, 0);
  end();
  t.is(await slow, '<disk/> of first');
  kept.destroy();
  await stop(1000);
});

test('a bad certificate is refused with a sentence, and the old one stays in use', async t => {
  const { fetchOver, tls, reload } = await secure(t);
  for (const spoil of [
    () => copyFile(fixture('second.crt'), tls.certificate),
    () => writeFile(tls.key, 'no key'),
    () => rm(tls.certificate),
  ]) {
    await spoil();
    t.throws(reload, { message: /^the certificate .*crt with the key .*key cannot be used: ./ });
    t.is(await fetchOver(false, '/'), 'pdisk of first');
  }
});

test('plain HTTP sent to TLS, and a handshake that never ends, break nothing', async t => {
  const { fetchOver, port } = await secure(t);
  const half = connect(port, '127.0.0.1');
  half.on('error', () => {});
  half.write(Buffer.from('160301', 'hex'));
  const plainly = connect(port, '127.0.0.1');
  plainly.on('error', () => {});
  plainly.write(request('GET /'));
  await once(plainly, 'close');
  t.is(await fetchOver(false, '/'), 'pdisk of first');
  half.destroy();
});

test('over TLS there are no suites without forward secrecy, and none of CBC', async t => {
  const { port } = await secure(t);
  const suites = ['AES128-SHA', 'AES256-GCM-SHA384', 'ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES128-SHA256'];
  const shake = (ciphers: string): Promise<string> =>
    new Promise(resolve => {
      const options = {
        port,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        ciphers,
        maxVersion: 'TLSv1.2',
      } as const;
      const socket = connectTls(options, () => {
        resolve(socket.getCipher().name);
        socket.destroy();
      });
      socket.on('error', () => resolve('refused'));
    });
  for (const suite of suites) t.is(await shake(`${suite}:@SECLEVEL=0`), 'refused', suite);
  t.regex(await shake('ECDHE+AESGCM'), /^ECDHE-(?:ECDSA|RSA)-AES\d+-GCM/);
});

test('a key file that everybody can read is reported in the log, at the start and when it is read again', async t => {
  const { tls, reload, log } = await secure(t);
  const told = () => log.filter(({ msg }) => String(msg).includes('can be read by everybody'));
  await chmod(tls.key, 0o600);
  const before = told().length;
  reload();
  t.is(told().length, before);
  await chmod(tls.key, 0o644);
  reload();
  t.is(told().length, before + 1);
  t.true(String(told()[0]?.msg).includes(tls.key));
});
