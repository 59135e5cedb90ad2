// Accounts, passwords, tokens and the slowing of wrong logins, over HTTP, against the running service.
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { basic, PASSWORD, request } from '../../testkit/http.ts';
import { until } from '../../testkit/until.ts';
import { startSite } from './support/site.ts';

const bearer = (token: string) => ({ as: '' as const, headers: { authorization: `Bearer ${token}` } });

test('tokens and passwords from creation to end, over restarts; none of them reaches the log or a child process', async t => {
  const site = await startSite();
  try {
    const form = { name: 'nightly backup' };
    const made = await site.ask('POST', '/api/tokens', { as: 'alice', form });
    t.is(made.status, 201);
    t.is(made.headers.get('cache-control'), 'no-store');
    const { token, ...shown } = JSON.parse(made.text);
    t.deepEqual(Object.keys(shown), ['id', 'name', 'created', 'expires']);
    t.regex(shown.expires, /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d$/);
    t.is((await site.ask('GET', '/api/tokens', { as: 'alice' })).text, JSON.stringify([shown]));
    t.is((await site.ask('GET', '/api/tokens', { as: 'bob' })).text, '[]');

    const uuid = await site.create('alice');
    t.is((await site.ask('GET', `/api/disks/${uuid}`, bearer(token))).status, 200);
    t.is((await site.ask('GET', '/api/disks', bearer(`${token}x`))).code, 'UNAUTHENTICATED');
    t.is((await site.ask('POST', '/api/tokens', { ...bearer(token), json: form })).code, 'FORBIDDEN');
    const [secret, tooShort] = ['a wholly new password', 'p4ss!'];
    t.is(
      (await site.ask('PUT', '/api/users/me/password', { ...bearer(token), form: { password: secret } }))
        .code,
      'FORBIDDEN',
    );
    t.is(
      (await site.ask('PUT', '/api/users/me/password', { as: 'bob', form: { password: tooShort } })).code,
      'BAD_INPUT',
    );
    t.is(
      (await site.ask('PUT', '/api/users/me/password', { as: 'alice', form: { password: secret } })).text,
      '{"name":"alice"}',
    );
    for (const json of [
      {},
      { name: '' },
      { name: 'x', expires_in: 0 },
      { name: 'x', expires_in: 1e12 },
      { name: 'x', y: 1 },
    ])
      t.is(
        (await site.ask('POST', '/api/tokens', { as: 'bob', json })).code,
        'BAD_INPUT',
        JSON.stringify(json),
      );

    const environment = await readFile(`/proc/${site.service.pid}/environ`, 'utf8').catch(() => '');
    const logs = [site.service.log()];
    await site.service.kill();
    await site.service.start();
    const alice = (password: string) =>
      site.ask('GET', '/api/disks', { as: '', headers: { authorization: basic('alice', password) } });
    t.is((await alice(secret)).status, 200);
    t.is((await alice('correct horse')).status, 401);
    t.is((await site.ask('GET', '/api/disks', bearer(token))).status, 401, 'it ended with the old password');
    const headers = { authorization: basic('alice', secret) };
    const next = JSON.parse((await site.ask('POST', '/api/tokens', { as: '', form, headers })).text);
    await site.service.kill();
    await site.service.start();
    t.is((await site.ask('GET', '/api/disks', bearer(next.token))).status, 200);
    t.is((await site.ask('DELETE', `/api/tokens/${next.id}`, { as: 'bob' })).code, 'TOKEN_UNKNOWN');
    t.is(
      (await site.ask('DELETE', `/api/tokens/${next.id}`, bearer(next.token))).text,
      `{"id":"${next.id}"}`,
    );
    t.is((await site.ask('GET', '/api/disks', bearer(next.token))).status, 401);
    logs.push(site.service.log());
    const tokens = [token, next.token].map(one => one.split('.')[1]);
    for (const text of [...logs, environment]) {
      for (const word of [secret, ...tokens, tooShort, basic('alice', secret).slice(6)])
        t.false(text.includes(word), `${word} in ${text}`);
    }
  } finally {
    await site.end();
  }
});

test('wrong logins are slowed with 429 and Retry-After; clients that are logged in are not', async t => {
  const site = await startSite();
  try {
    t.is((await site.ask('GET', '/api/disks', { as: 'cloud' })).status, 200);
    const statuses: number[] = [];
    for (let i = 0; i < 8; i += 1) {
      const authorization = basic('cloud', `guess ${i}`);
      const { status, code, headers, reason } = await site.ask('GET', '/api/disks', {
        as: '',
        headers: { authorization },
      });
      statuses.push(status);
      if (status !== 429) continue;
      t.deepEqual([code, reason], ['TOO_MANY_LOGINS', 'Too Many Requests']);
      t.regex(headers.get('retry-after') ?? '', /^[1-9]\d*$/);
    }
    t.deepEqual([...new Set(statuses)], [401, 429]);
    t.is((await site.ask('GET', '/api/disks', { as: 'cloud' })).status, 200);
    t.is((await site.ask('GET', '/api/disks', { as: 'bob' })).status, 200);
  } finally {
    await site.end();
  }
});

test.serial('a flood of wrong logins stops no logged-in client, and is answered 401 or 429', async t => {
  const site = await startSite({ overcommit: 1000 });
  try {
    await site.create('cloud');
    let flooding = true;
    const statuses = new Set<number>();
    // A new name each time, so that no pair of account and address is slowed.
    const flood = Array.from({ length: 100 }, async (_, index) => {
      for (let i = 0; flooding; i += 1) {
        const authorization = basic(`nobody-${index}-${i}`, 'x');
        const { status } = await site.ask('GET', '/api/disks', { as: '', headers: { authorization } });
        statuses.add(status);
        // A client that heeds the Retry-After of a 429 would wait two seconds.
        if (status === 429) await delay(250);
      }
    });
    await until(() => statuses.has(429), 'the flood to rise');
    for (let i = 0; i < 5; i += 1) await site.create('cloud');
    await until(() => statuses.has(401), 'a wrong login to be told so');
    flooding = false;
    await Promise.all(flood);
    t.deepEqual([...statuses].sort(), [401, 429]);
  } finally {
    await site.end();
  }
});

test('an account takes its tokens with it, and no event has a secret', async t => {
  const site = await startSite({ event_bookmark: 1 });
  try {
    const secret = 'a secret of Carols';
    const account = { form: { password: secret, role: 'user' } };
    await site.ask('PUT', '/api/users/carol', account);
    const carol = { as: '' as const, headers: { authorization: basic('carol', secret) } };
    const made = JSON.parse((await site.ask('POST', '/api/tokens', { ...carol, form: { name: 'x' } })).text);
    const form = { size: '1', tag: '', visibility: 'private' };
    const { uuid } = JSON.parse(
      (await site.ask('POST', '/api/create', { ...bearer(made.token), form })).text,
    );
    t.is((await site.ask('DELETE', `/api/disks/${uuid}`, bearer(made.token))).status, 200);
    t.is((await site.ask('DELETE', '/api/users/carol')).status, 200);
    t.is((await site.ask('GET', '/api/disks', bearer(made.token))).code, 'UNAUTHENTICATED');
    await site.ask('PUT', '/api/users/carol', account);
    t.is((await site.ask('GET', '/api/disks', bearer(made.token))).code, 'UNAUTHENTICATED');
    t.is((await site.ask('GET', '/api/tokens', carol)).text, '[]');

    const asked = request('GET /api/events?since=0', ['Accept: text/event-stream']);
    const events = await site.raw(asked, so => so.includes('"control":"bookmark"'));
    t.true(events.includes(uuid));
    for (const text of [events, site.service.log()]) {
      for (const word of [secret, made.token, made.token.split('.')[1], PASSWORD])
        t.false(text.includes(word));
    }
  } finally {
    await site.end();
  }
});

test("an administrator's token creates no account, resets no password and changes no role", async t => {
  const site = await startSite();
  try {
    const { token } = JSON.parse((await site.ask('POST', '/api/tokens', { form: { name: 'stolen' } })).text);
    const form = { password: 'a word of the thief', role: 'admin' };
    for (const name of ['admin', 'alice', 'thief'])
      t.is((await site.ask('PUT', `/api/users/${name}`, { ...bearer(token), form })).code, 'FORBIDDEN', name);
    const users = JSON.parse((await site.ask('GET', '/api/users', bearer(token))).text);
    t.deepEqual(
      users.map(({ name }: { name: string }) => name),
      ['admin', 'alice', 'bob', 'cloud'],
    );
    // A password that an administrator sets ends the tokens of that account.
    const alices = JSON.parse(
      (await site.ask('POST', '/api/tokens', { as: 'alice', form: { name: 'x' } })).text,
    );
    const reset = { password: 'another password', role: 'user' };
    t.is((await site.ask('PUT', '/api/users/alice', { form: reset })).status, 200);
    t.is((await site.ask('GET', '/api/disks', bearer(alices.token))).status, 401);
    t.is((await site.ask('GET', '/api/disks', bearer(token))).status, 200);
  } finally {
    await site.end();
  }
});

test('an account that is created under the name of a deleted one has none of its rights, after a restart too', async t => {
  const site = await startSite();
  const carol = { as: '' as const, headers: { authorization: basic('carol') } };
  try {
    await site.service.account('carol', 'user');
    const form = { size: '1', tag: 'secret of the old one', visibility: 'private' };
    const own = JSON.parse((await site.ask('POST', '/api/create', { ...carol, form })).text).uuid;
    const open = await site.create('alice', 'public');
    const vm = { node: 'n1', vm_id: site.addVm() };
    t.is((await site.ask('POST', `/api/hotattach/${open}`, { ...carol, form: vm })).status, 200);
    t.is((await site.ask('DELETE', `/api/disks/${own}`, carol)).status, 200);
    t.is((await site.ask('DELETE', '/api/users/carol')).status, 200);
    await site.service.account('carol', 'user');
    for (const round of ['at once', 'after a restart']) {
      const detached = await site.ask('POST', `/api/hotdetach/${open}`, { ...carol, form: vm });
      t.is(detached.code, 'FORBIDDEN', round);
      t.is((await site.ask('POST', '/api/detach', { ...carol, form: vm })).code, 'FORBIDDEN');
      const seen = JSON.parse((await site.ask('GET', `/api/disks/${open}?view=full`, carol)).text);
      t.like(seen.attachments[0], { by: null, vm_id: null }, round);
      const chart = JSON.parse((await site.ask('GET', `/api/disks/${open}/chart`, carol)).text);
      t.is(chart.attachments[0].record, null);
      const mark = await site.create('alice', 'public');
      const told = await site.raw(
        request('GET /api/events?since=0', ['Accept: text/event-stream']).replace(
          basic('admin'),
          basic('carol'),
        ),
        so => so.includes(mark),
      );
      t.true(told.includes(open));
      t.false(told.includes(own), round);
      t.false(told.includes('"account":"carol"'));
      if (round === 'after a restart') break;
      await site.service.stop();
      await site.service.start();
    }
    t.is((await site.ask('POST', `/api/hotdetach/${open}`, { as: 'alice', form: vm })).status, 200);
  } finally {
    await site.end();
  }
});

test('the list of accounts has what each uses and may use, by its own quota or by the configuration', async t => {
  const own = await startSite({ quota_disks: 5 });
  try {
    const alice = async () => {
      const list: { name: string }[] = JSON.parse((await own.ask('GET', '/api/users')).text);
      return list.find(({ name }) => name === 'alice');
    };
    const has = { name: 'alice', role: 'user', disks: '2', size: '5' };
    await own.create('alice', 'private', 2);
    await own.create('alice', 'public', 3);
    t.deepEqual(await alice(), { ...has, quota: { disks: '5', size: null } });
    await own.ask('PUT', '/api/users/alice/quota', { form: { disks: '3', size: '10' } });
    t.deepEqual(await alice(), { ...has, quota: { disks: '3', size: '10' } });
    await own.ask('DELETE', '/api/users/alice/quota');
    t.deepEqual(await alice(), { ...has, quota: { disks: '5', size: null } });
  } finally {
    await own.end();
  }
});
