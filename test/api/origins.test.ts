// Pages of other origins: those that the configuration names may use the API, all others may not.
import test from 'ava';
import { basic } from '../../testkit/http.ts';
import { cheap } from '../accounts/support/memory-store.ts';
import { diskDouble, FIRST, nodeDouble } from './support/disks.ts';
import { startServer } from './support/server.ts';

const CONSOLE = 'https://console.example';
const served = (t: Parameters<typeof startServer>[0]) =>
  startServer(t, diskDouble(), nodeDouble, cheap, { allowedOrigins: [CONSOLE] });

const preflight = (port: number, origin: string) =>
  fetch(`http://127.0.0.1:${port}/api/disks/${FIRST}`, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'DELETE' },
  });

test('a preflight request of an allowed origin is answered without credentials', async t => {
  const { port } = await served(t);
  const { status, headers } = await preflight(port, CONSOLE);
  t.is(status, 200);
  t.is(headers.get('access-control-allow-origin'), CONSOLE);
  t.is(headers.get('access-control-allow-credentials'), null);
  t.regex(headers.get('access-control-allow-methods') ?? '', /DELETE.*PATCH.*PUT/);
  for (const name of ['Authorization', 'Content-Type', 'Idempotency-Key', 'If-Match'])
    t.true(headers.get('access-control-allow-headers')?.includes(name), name);
  const stranger = await preflight(port, 'https://evil.example');
  t.deepEqual([stranger.status, stranger.headers.get('access-control-allow-origin')], [401, null]);
});

test('a page of an allowed origin reads answers, errors too, and changes disks', async t => {
  const { ask, service } = await served(t);
  const headers = { origin: CONSOLE, 'sec-fetch-site': 'cross-site' };
  for (const [method, path, status] of [
    ['GET', `/api/disks/${FIRST}`, 200],
    ['GET', '/api/nothing', 404],
    ['GET', '/healthz', 200],
    ['POST', `/api/retry/${FIRST}`, 200],
  ] as const) {
    const answer = await ask(method, path, { headers });
    t.is(answer.status, status, path);
    t.is(answer.headers.get('access-control-allow-origin'), CONSOLE, path);
    t.is(answer.headers.get('vary'), 'Origin');
    t.regex(answer.headers.get('access-control-expose-headers') ?? '', /X-Error-Code.*ETag/);
  }
  t.is(service.calls.length, 1);
  const nobody = await ask('GET', '/api/disks', { as: '', headers });
  t.deepEqual([nobody.status, nobody.headers.get('access-control-allow-origin')], [401, CONSOLE]);
});

test('a page of any other origin is refused, with the setting that would allow it', async t => {
  const { ask, service } = await served(t);
  for (const origin of ['https://evil.example', 'http://console.example', `${CONSOLE}:444`, 'null']) {
    const answer = await ask('POST', `/api/retry/${FIRST}`, { headers: { origin } });
    t.deepEqual([answer.status, answer.headers.get('x-error-code')], [400, 'CROSS_SITE'], origin);
    t.is(answer.headers.get('access-control-allow-origin'), null);
    for (const word of [origin, '127.0.0.1', 'Host', 'host_names', 'allowed_origins'])
      t.true(answer.text.includes(word), word);
  }
  t.deepEqual(service.calls, []);
});

test('behind a trusted proxy one client that guesses passwords does not slow the first login of others', async t => {
  const settings = { trustedProxies: ['127.0.0.1'] };
  const { ask, log } = await startServer(t, diskDouble(), nodeDouble, cheap, settings);
  const login = (address: string, password: string) =>
    ask('GET', '/api/disks', {
      as: '',
      headers: { authorization: basic('cloud', password), 'x-forwarded-for': `10.9.8.7, ${address}` },
    });
  const guesses: number[] = [];
  for (let count = 0; count < 7; count += 1)
    guesses.push((await login('192.0.2.1', `guess ${count}`)).status);
  t.is(guesses.at(-1), 429);
  t.is((await login('192.0.2.1', 'correct horse')).status, 429);
  t.is((await login('192.0.2.2', 'correct horse')).status, 200);
  t.like(
    log.find(({ status }) => status === 401),
    { client: '192.0.2.1', attempted: 'cloud' },
  );
});
