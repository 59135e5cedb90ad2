// Who did what, and what was refused: over HTTP, from the real process.
import test from 'ava';
import { basic, PASSWORD } from '../../testkit/http.ts';
import { type Asked, type Site, startSite, type Who } from './support/site.ts';

let site: Site;
test.before(async () => {
  site = await startSite({ trusted_proxies: ['127.0.0.0/8', '::1'] });
});
test.after.always(() => site?.end());

interface Entry {
  readonly sequence: number;
  readonly operation: string;
  readonly request: string;
  readonly [key: string]: unknown;
}

async function audit(query = '', as: Who = 'admin'): Promise<Entry[]> {
  return JSON.parse((await site.ask('GET', `/api/audit?limit=1000&${query}`, { as })).text);
}

/** Sends a request with an id of its own; resolves with its entries. */
async function audited(id: string, method: string, path: string, asked: Asked = {}): Promise<Entry[]> {
  const headers = { ...asked.headers, 'x-request-id': id };
  await site.ask(method, path, { ...asked, headers });
  return (await audit()).filter(({ request }) => request === id);
}

test.serial('a change is in the audit: who, what, from where, which disk, and how it ended', async t => {
  const form = { size: '1', tag: 'kept secret', visibility: 'private' };
  const [entry, ...others] = await audited('made', 'POST', '/api/create', {
    as: 'alice',
    form,
    headers: { 'x-forwarded-for': '192.0.2.7' },
  });
  t.like(entry, { account: 'alice', client: '192.0.2.7', operation: 'createDisk', outcome: 'done' });
  t.like(entry, { status: 201, code: null, count: 1, repeated: false });
  t.deepEqual(others, []);
  const [disk] = entry ? (entry.disks as string[]) : [];
  t.is((await site.ask('GET', `/api/disks/${disk}`, { as: 'alice' })).status, 200);
  t.false(JSON.stringify(await audit()).includes('kept secret'));
  t.deepEqual(
    (await audit(`disk=${disk}`)).map(({ operation }) => operation),
    ['createDisk'],
  );
});

test.serial('a change that a node or a guest did not do is in the audit with its error', async t => {
  const uuid = await site.create('alice');
  const form = { node: 'silent', vm_id: '722' };
  const [entry] = await audited('silent', 'POST', `/api/hotattach/${uuid}`, { as: 'alice', form });
  t.like(entry, { operation: 'hotattach', outcome: 'failed', code: 'NODE_UNREACHABLE', status: 503 });
  t.like(entry, { disks: [uuid], node: 'silent', vm_id: '722' });
  t.true((await audit('node=silent')).some(({ request }) => request === 'silent'));
});

test.serial(
  'what is refused is in the audit: rights, inputs, rules, and requests of other sites',
  async t => {
    const uuid = await site.create('alice', 'public');
    const path = `/api/disks/${uuid}`;
    const ends = async (id: string, method: string, at: string, asked: Asked) =>
      (await audited(id, method, at, asked)).map(({ outcome, code, account }) => [outcome, code, account]);
    t.deepEqual(await ends('rights', 'DELETE', path, { as: 'bob' }), [['refused', 'FORBIDDEN', 'bob']]);
    t.deepEqual(await ends('inputs', 'PATCH', path, { as: 'alice', form: { size: '1' } }), [
      ['refused', 'INVALID_DISK', 'alice'],
    ]);
    t.deepEqual(await ends('rule', 'POST', `/api/retry/${uuid}`, { as: 'alice' }), [
      ['refused', 'DISK_NOT_FAILED', 'alice'],
    ]);
    t.deepEqual(await ends('nobody', 'DELETE', path, { as: '' }), [['refused', 'UNAUTHENTICATED', null]]);
    const headers = { origin: 'https://elsewhere.example' };
    t.deepEqual(await ends('site', 'DELETE', path, { as: 'alice', headers }), [
      ['refused', 'CROSS_SITE', null],
    ]);
    t.is((await site.ask('GET', path, { as: 'alice' })).status, 200);
  },
);

test.serial(
  'logins are in the audit: a wrong one with the name that was tried, never a password',
  async t => {
    const headers = { authorization: `Basic ${Buffer.from('alice:guessed-secret').toString('base64')}` };
    const [wrong] = await audited('wrong', 'GET', '/api/disks', { as: '', headers });
    t.like(wrong, { operation: 'login', outcome: 'refused', code: 'UNAUTHENTICATED', attempted: 'alice' });
    t.is(wrong?.account, null);
    await site.service.account('late', 'user');
    const [right] = await audited('right', 'GET', '/api/disks', {
      as: '',
      headers: { authorization: basic('late') },
    });
    t.like(right, { operation: 'login', outcome: 'done', account: 'late', status: 200 });
    t.deepEqual(
      await audited('again', 'GET', '/api/disks', { as: '', headers: { authorization: basic('late') } }),
      [],
    );
    t.true((await audit('account=alice&operation=login')).some(({ request }) => request === 'wrong'));
    t.notRegex(JSON.stringify(await audit()), /guessed-secret|Basic /);
  },
);

test.serial(
  'accounts, tokens, nodes and leftovers are in the audit, and neither a password nor a token is',
  async t => {
    const [made] = await audited('account', 'PUT', '/api/users/carol', {
      form: { password: 'a password of carol', role: 'user' },
    });
    t.like(made, { operation: 'putAccount', subject: 'carol', status: 201, account: 'admin' });
    const answer = await site.ask('POST', '/api/tokens', { as: 'bob', form: { name: 'x' } });
    const { id, token } = JSON.parse(answer.text);
    const [created] = await audit('operation=createToken&account=bob');
    t.like(created, { token: id, outcome: 'done' });
    const [ended] = await audited('ended', 'DELETE', `/api/tokens/${id}`, { as: 'bob' });
    t.like(ended, { token: id, outcome: 'done' });
    const [mistaken] = await audited('mistaken', 'DELETE', `/api/tokens/${token}`, { as: 'bob' });
    t.like(mistaken, { token: null, code: 'TOKEN_UNKNOWN' });
    const [dead] = await audited('dead', 'POST', '/api/nodes/silent/declare-dead', {
      form: { reason: 'why' },
    });
    t.like(dead, { operation: 'declareDead', node: 'silent', outcome: 'done' });
    await site.ask('POST', '/api/nodes/silent/declare-alive');
    const uuid = 'a00539f7-d40d-4d8d-95c0-5b0c9713c92e';
    const [left] = await audited('leftover', 'POST', `/api/leftovers/${uuid}/remove`);
    t.like(left, { operation: 'removeLeftover', disks: [uuid], code: 'LEFTOVER_UNKNOWN' });
    const text = JSON.stringify(await audit());
    t.false(text.includes('a password of carol') || text.includes(token) || text.includes(PASSWORD));
  },
);

test.serial('a repetition with the same Idempotency-Key is told apart from the change', async t => {
  const headers = { 'idempotency-key': 'one-disk' };
  const asked = { as: 'alice' as const, form: { size: '1', tag: '', visibility: 'private' }, headers };
  const [first] = await audited('first', 'POST', '/api/create', asked);
  const [second] = await audited('second', 'POST', '/api/create', asked);
  t.like(first, { repeated: false, outcome: 'done' });
  t.like(second, { repeated: true, outcome: 'done' });
});

test.serial('reading with known credentials is not in the audit', async t => {
  await site.ask('GET', '/api/disks', { as: 'alice' });
  t.deepEqual(await audited('read', 'GET', '/api/disks', { as: 'alice' }), []);
});

test.serial(
  'the audit is newest first, in pages, by time, outcome and operation, as JSON or JSON lines',
  async t => {
    const uuid = await site.create('bob');
    for (const tag of ['a', 'b', 'c', 'd'])
      await site.ask('PATCH', `/api/disks/${uuid}`, { as: 'bob', form: { tag } });
    const seen: number[] = [];
    let path: string | undefined = `/api/audit?disk=${uuid}&operation=editDisk&outcome=done&limit=2`;
    let pages = 0;
    while (path) {
      const { headers, text } = await site.ask('GET', path);
      seen.push(...JSON.parse(text).map(({ sequence }: Entry) => sequence));
      path = /^<([^>]*)>/.exec(headers.get('link') ?? '')?.[1];
      pages += 1;
    }
    t.is(seen.length, 4);
    t.true(pages >= 2);
    t.deepEqual(
      seen,
      [...seen].sort((a, b) => b - a),
    );

    const lines = await site.ask('GET', `/api/audit?disk=${uuid}`, {
      headers: { accept: 'application/jsonl' },
    });
    t.is(lines.headers.get('content-type'), 'application/jsonl');
    const entries = lines.text
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line));
    t.deepEqual(entries, await audit(`disk=${uuid}`));
    t.is((await site.ask('GET', `/api/audit?disk=${uuid}&format=jsonl`)).text, lines.text);

    const [newest] = entries;
    const at = (time: unknown) => encodeURIComponent(String(time));
    t.deepEqual(
      (await audit(`disk=${uuid}&from=${at(newest.time)}&to=${at(newest.time)}`))[0]?.sequence,
      newest.sequence,
    );
    t.deepEqual(await audit(`disk=${uuid}&to=2011-07-28T15:00:00Z`), []);
    t.deepEqual(await audit(`disk=${uuid}&from=2999-07-28T15:00:00Z`), []);
    for (const query of [
      'from=x',
      'to=1',
      'outcome=x',
      'disk=x',
      'after=0',
      'format=csv',
      'limit=1001',
      'x=1',
    ])
      t.is((await site.ask('GET', `/api/audit?${query}`)).code, 'BAD_INPUT', query);
  },
);

test.serial('what was accepted is in the audit although pdisk was killed right after its answer', async t => {
  const made = await Promise.all(Array.from({ length: 20 }, () => site.create('alice')));
  const cloud = await site.ask('PUT', '/api/users/dora', { form: { password: PASSWORD, role: 'user' } });
  t.is(cloud.status, 201);
  await site.service.kill();
  await site.service.start();
  const entries = await audit('operation=createDisk');
  for (const uuid of made) {
    const found = entries.filter(({ disks }) => (disks as string[]).includes(uuid));
    t.is(found.length, 1);
    t.true(found[0]?.outcome === 'done' || found[0]?.outcome === 'unknown');
  }
  // Its result is known with the decision, and in the same batch.
  t.like((await audit('operation=putAccount&account=dora'))[0], { outcome: 'done', status: 201 });
});

test.serial('the audit is for administrators', async t => {
  for (const as of ['alice', 'cloud'] as const)
    t.is((await site.ask('GET', '/api/audit', { as })).code, 'FORBIDDEN');
  t.is((await site.ask('GET', '/api/audit', { as: '' })).code, 'UNAUTHENTICATED');
});
