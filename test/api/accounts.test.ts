import test from 'ava';
import { defaultCost } from '../../src/accounts/password.ts';
import { basic } from '../../testkit/http.ts';
import { diskDouble, nodeDouble } from './support/disks.ts';
import { startServer } from './support/server.ts';

test('administrators list, make, replace and remove accounts', async t => {
  const { ask } = await startServer(t);
  const made = await ask('PUT', '/api/users/new', { form: { password: 'a password', role: 'user' } });
  t.deepEqual([made.status, made.text], [201, '{"name":"new","role":"user"}']);
  const replaced = await ask('PUT', '/api/users/new', {
    json: { password: 'another password', role: 'service' },
  });
  t.deepEqual([replaced.status, replaced.text], [200, '{"name":"new","role":"service"}']);
  const authorized = async (password: string) =>
    (await ask('GET', '/api/disks', { headers: { authorization: basic('new', password) } })).status;
  t.deepEqual([await authorized('another password'), await authorized('a password')], [200, 401]);
  const free = '"quota":{"disks":null,"size":null}';
  t.is(
    (await ask('GET', '/api/users')).text,
    `[{"name":"admin","role":"admin","disks":"0","size":"0",${free}},{"name":"cloud","role":"service","disks":"0","size":"0",${free}},` +
      `{"name":"new","role":"service","disks":"0","size":"0",${free}},{"name":"test","role":"user","disks":"2","size":"3",${free}}]`,
  );
  const removed = await ask('DELETE', '/api/users/new');
  t.deepEqual([removed.status, removed.text], [200, '{"name":"new"}']);
  t.is(await authorized('another password'), 401);
  t.is((await ask('DELETE', '/api/users/new')).headers.get('x-error-code'), 'ACCOUNT_UNKNOWN');
});

test('credentials that were right many times are refused once the account is another one', async t => {
  const { ask } = await startServer(t);
  const put = (password: string, role: string) =>
    ask('PUT', '/api/users/often', { form: { password, role } });
  const lists = async (path: string, password: string) =>
    (await ask('GET', path, { headers: { authorization: basic('often', password) } })).status;
  await put('the first', 'admin');
  for (let count = 0; count < 5; count += 1) t.is(await lists('/api/users', 'the first'), 200);
  await put('the first', 'user');
  for (let count = 0; count < 5; count += 1) {
    t.is(await lists('/api/users', 'the first'), 400);
    t.is(await lists('/api/disks', 'the first'), 200);
  }
  await put('the second', 'user');
  t.deepEqual([await lists('/api/disks', 'the first'), await lists('/api/disks', 'the second')], [401, 200]);
  await ask('DELETE', '/api/users/often');
  t.is(await lists('/api/disks', 'the second'), 401);
});

test('other accounts may do none of this', async t => {
  const { ask } = await startServer(t);
  for (const as of ['test', 'cloud']) {
    for (const [method, path, options] of [
      ['GET', '/api/users', {}],
      ['PUT', '/api/users/test', { form: { password: 'a password', role: 'admin' } }],
      ['DELETE', '/api/users/admin', {}],
    ] as const) {
      const { status, headers } = await ask(method, path, { as, ...options });
      t.deepEqual([status, headers.get('x-error-code')], [400, 'FORBIDDEN'], `${as} ${method}`);
    }
  }
});

test('names, passwords and roles are limited', async t => {
  const { ask } = await startServer(t);
  const put = async (name: string, form: Record<string, string>) => {
    const { status, headers } = await ask('PUT', `/api/users/${name}`, { form });
    return status === 201 ? 'made' : headers.get('x-error-code');
  };
  const fine = { password: 'a password', role: 'user' };
  for (const name of ['a', '0', 'a.b_c-d', 'x'.repeat(64), 'me2', 'm%65%65'])
    t.is(await put(name, fine), 'made', name);
  for (const name of [
    'me',
    'Me',
    'A',
    '.a',
    '-a',
    '_a',
    'a b',
    'x'.repeat(65),
    '%00',
    'a%0a',
    '%C3%A4',
    '%ff',
    'm%65',
  ]) {
    t.is(await put(name, fine), 'BAD_INPUT', name);
  }
  for (const password of ['12345678', 'ä:ö u%&+', 'x'.repeat(1024)]) {
    t.is(await put('p', { password, role: 'user' }), 'made');
    const headers = { authorization: basic('p', password) };
    t.is((await ask('GET', '/api/disks', { headers })).status, 200);
    await ask('DELETE', '/api/users/p');
  }
  for (const password of ['', '1234567', 'x'.repeat(1025), 'a\nb345678', '12345678\0']) {
    t.is(await put('p', { password, role: 'user' }), 'BAD_INPUT');
  }
  for (const form of [
    { password: 'a password' },
    { role: 'user' },
    { ...fine, role: 'root' },
    { ...fine, x: '1' },
  ]) {
    t.is(await put('p', form), 'BAD_INPUT');
  }
});

test('an account that owns disks cannot be deleted, nor can the last administrator', async t => {
  const { ask } = await startServer(t);
  const code = async (...args: Parameters<typeof ask>) => (await ask(...args)).headers.get('x-error-code');
  t.is(await code('DELETE', '/api/users/test'), 'ACCOUNT_OWNS_DISKS');
  t.is(await code('DELETE', '/api/users/admin'), 'LAST_ADMINISTRATOR');
  const demoted = { form: { password: 'a password', role: 'user' } };
  t.is(await code('PUT', '/api/users/admin', demoted), 'LAST_ADMINISTRATOR');
  t.is((await ask('GET', '/api/users')).status, 200);
});

test('too many logins at once are refused with Retry-After; accounts that are logged in are served', async t => {
  const { ask } = await startServer(t, diskDouble(), nodeDouble, { ...defaultCost, cost: 2 ** 13 });
  await ask('GET', '/api/disks', { as: 'cloud' });
  const wrong = Array.from({ length: 60 }, (_, index) =>
    ask('GET', '/api/disks', { headers: { authorization: basic('cloud', `guess ${index}`) } }),
  );
  const known = Array.from({ length: 10 }, () => ask('GET', '/api/disks', { as: 'cloud' }));
  for (const { status } of await Promise.all(known)) t.is(status, 200);
  const answers = await Promise.all(wrong);
  t.deepEqual([...new Set(answers.map(({ status }) => status))].sort(), [401, 429]);
  const away = answers.find(({ status }) => status === 429);
  t.is(away?.reason, 'Too Many Requests');
  t.is(away?.headers.get('x-error-code'), 'TOO_MANY_LOGINS');
  t.regex(away?.headers.get('retry-after') ?? '', /^\d+$/);
});
