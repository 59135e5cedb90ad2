import test from 'ava';
import { FIRST } from './support/disks.ts';
import { type Answered, startServer } from './support/server.ts';

const outcome = ({ status, headers, text }: Answered) => ({
  status,
  code: headers.get('x-error-code'),
  messages: JSON.parse(text).message,
});

const formOf = (body: string, type = 'application/x-www-form-urlencoded') => ({
  headers: { 'content-type': type },
  body,
});

test('create reports all problems together, 422', async t => {
  const { ask, service } = await startServer(t);
  t.deepEqual(
    outcome(
      await ask('POST', '/api/create', { json: { size: 0, tag: true, visibility: 'secret', colour: 'red' } }),
    ),
    {
      status: 422,
      code: 'INVALID_DISK',
      messages: [
        'size must be a whole number of GiB from 1 to 1024',
        'tag must be a text or an exact number',
        'visibility must be private or public',
        "there is no input 'colour' here",
      ],
    },
  );
  const missing = await ask('POST', '/api/create');
  t.is(missing.reason, 'Unprocessable Entity');
  t.deepEqual(outcome(missing).messages, ['size is missing', 'tag is missing', 'visibility is missing']);
  t.deepEqual(service.calls, []);
});

test('sizes are whole GiB from 1 to 1024', async t => {
  const { ask } = await startServer(t);
  const create = async (size: unknown) =>
    (await ask('POST', '/api/create', { json: { size, tag: '', visibility: 'private' } })).status;
  for (const size of ['1', 1, 2, '1024', 1024]) t.is(await create(size), 201, String(size));
  for (const size of ['0', 0, 1025, '1025', -1, 1.5, '1.5', '', ' 1', '01', '1e2', 'x', null, [1], 1e300]) {
    t.is(await create(size), 422, String(size));
  }
});

test('a tag is any text of up to 255 characters', async t => {
  const { ask, service } = await startServer(t);
  const create = (tag: string) =>
    ask('POST', '/api/create', { form: { size: '1', tag, visibility: 'private' } });
  const tags = ['', 'a+b & c=d%', 'line\nline', '💾'.repeat(255)];
  for (const tag of tags) t.is((await create(tag)).status, 201, tag);
  t.deepEqual(
    service.calls.map(call => call[2]),
    tags,
  );
  t.is((await create('x'.repeat(256))).status, 422);
});

test('form and JSON are equivalent, with numbers as numbers or as strings', async t => {
  const { ask, service } = await startServer(t);
  const path = `/api/attach/${FIRST}`;
  const bodies = [
    { form: { node: 'one', vm_id: '7' } },
    { json: { node: 'one', vm_id: 7 } },
    { json: { node: 'one', vm_id: '7' } },
    formOf('node=one&vm_id=7', 'Application/X-WWW-Form-URLencoded; charset=UTF-8'),
    formOf('{"vm_id":"\\u0037", "n\\u006fde":"one"}', 'application/json;charset="utf-8"'),
    formOf('&vm_id=%37&&n%6fde=one&'),
  ];
  for (const body of bodies) {
    const { status, text } = await ask('POST', path, body);
    t.is(status, 200, text);
    t.is(JSON.parse(text).vm_id, '7');
  }
  t.is(new Set(service.calls.map(call => JSON.stringify(call))).size, 1);
});

test('missing, empty, unknown and invalid inputs are 400, all of them reported', async t => {
  const { ask, service } = await startServer(t);
  for (const path of [
    `/api/hotattach/${FIRST}`,
    `/api/hotdetach/${FIRST}`,
    `/api/attach/${FIRST}`,
    '/api/detach',
  ]) {
    t.deepEqual(outcome(await ask('POST', path)), {
      status: 400,
      code: 'BAD_INPUT',
      messages: ['node is missing', 'vm_id is missing'],
    });
    t.deepEqual(outcome(await ask('POST', path, { form: { node: '', vm_id: '', target: 'vda' } })), {
      status: 400,
      code: 'BAD_INPUT',
      messages: [
        'node must be a host name: letters, digits, hyphens and underscores between dots',
        'vm_id must be 1 to 255 characters, none of them a control character but the tab',
        "there is no input 'target' here",
      ],
    });
  }
  const inUrl = await ask('POST', '/api/detach?node=x', { form: { node: 'x', vm_id: '1' } });
  t.deepEqual(outcome(inUrl).messages, ["there is no input 'node' in the URL here"]);
  t.deepEqual(service.calls, []);
});

test('node is a host name and vm_id any text without control characters', async t => {
  const { ask } = await startServer(t);
  const attach = async (node: string, vm_id: unknown) =>
    (await ask('POST', `/api/attach/${FIRST}`, { json: { node, vm_id } })).status;
  const label = 'a'.repeat(63);
  for (const node of ['a', 'A-1.b.', 'kvm_01', '192.0.2.1', `${label}.${label}.${label}.${'a'.repeat(61)}`]) {
    t.is(await attach(node, '1'), 200, node);
  }
  for (const node of ['', '.', 'a..b', '-a', 'a-', '_a', 'a b', 'ä', 'a/b', `${label}a`, 'a'.repeat(254)]) {
    t.is(await attach(node, '1'), 400, node);
  }
  for (const id of ['one-7', '💾'.repeat(255), ' ', '../..', 0, -1.5])
    t.is(await attach('a', id), 200, String(id));
  for (const id of ['', 'x'.repeat(256), '7\0', 'a\nb', 2 ** 53, true, null, {}, ['7']]) {
    t.is(await attach('a', id), 400, String(id));
  }
});

test('a field given twice is 400, in a form, in JSON and in a query', async t => {
  const { ask, service } = await startServer(t);
  const twice = [
    formOf('node=x&vm_id=1&node=x'),
    formOf('{"node":"x","vm_id":1,"n\\u006fde":"x"}', 'application/json'),
    formOf('{"node":{"a":1},"vm_id":1,"node":"x"}', 'application/json'),
  ];
  for (const body of twice) {
    t.like(outcome(await ask('POST', '/api/detach', body)), {
      status: 400,
      code: 'BAD_INPUT',
      messages: ['node is given twice'],
    });
  }
  const created = await ask('POST', '/api/create', formOf('size=1&size=1&tag=&visibility=private'));
  t.like(outcome(created), { status: 400, code: 'BAD_INPUT' });
  t.is((await ask('GET', `/api/disks/${FIRST}/libvirt?node=x&vm_id=1&vm_id=2`)).status, 400);
  t.deepEqual(service.calls, []);
});

test('a text with a colon after a quotation mark is not taken for a key', async t => {
  const { ask } = await startServer(t);
  const json = { size: 1, tag: '"tag": "a", "tag": \\"', visibility: 'private' };
  t.is((await ask('POST', '/api/create', { json })).status, 201);
});

test('a body that is not valid UTF-8 or JSON is refused', async t => {
  const { ask } = await startServer(t);
  const bodies = [
    formOf('node=%ff&vm_id=1'),
    formOf('node=x&vm_id=%E4'),
    formOf('node=x&vm_id=%'),
    formOf('{', 'application/json'),
    formOf('[]', 'application/json'),
    formOf('null', 'application/json'),
    formOf('"node"', 'application/json'),
    formOf('{"node":"x","vm_id":"\\ud800"}', 'application/json'),
    formOf('\ufeff{"node":"x","vm_id":"1"}', 'application/json'),
    {
      headers: { 'content-type': 'application/json' },
      body: Buffer.from('{"node":"x","vm_id":"\xe4"}', 'latin1'),
    },
  ];
  for (const body of bodies) {
    const answer = await ask('POST', '/api/detach', body);
    t.like(outcome(answer), { status: 400, code: 'BAD_REQUEST' }, answer.text);
  }
  t.is((await ask('GET', '/api/disks?%ff')).status, 400);
});

test('other media types are 415, but not where there is no body', async t => {
  const { ask } = await startServer(t);
  for (const type of [
    'text/plain',
    'multipart/form-data; boundary=x',
    'application/json; charset=iso-8859-1',
    'application/jsonx',
    '',
  ]) {
    const answer = await ask('POST', '/api/detach', formOf('node=x&vm_id=1', type));
    t.deepEqual([answer.status, answer.reason], [415, 'Unsupported Media Type'], type);
    t.is(answer.headers.get('x-error-code'), 'MEDIA_TYPE');
    t.is((await ask('POST', '/api/detach', { headers: { 'content-type': type || 'x/y' } })).status, 400);
  }
});

test('inputs in the query are checked as strictly', async t => {
  const { ask } = await startServer(t);
  t.deepEqual(outcome(await ask('GET', `/api/disks/${FIRST}/libvirt?target=sda&x=1`)), {
    status: 400,
    code: 'BAD_INPUT',
    messages: [
      'node is missing',
      'vm_id is missing',
      'target must be vda to vdz',
      "there is no input 'x' here",
    ],
  });
  t.is((await ask('GET', '/api/disks?colour=red')).status, 400);
  t.is((await ask('DELETE', `/api/disks/${FIRST}?force=1`)).status, 400);
});

test('names of built-in properties of objects are unknown inputs like any other', async t => {
  const { ask } = await startServer(t);
  const body = '{"__proto__":"x","constructor":"y","node":"x","vm_id":"1"}';
  const { status, messages } = outcome(await ask('POST', '/api/detach', formOf(body, 'application/json')));
  t.is(status, 400);
  t.deepEqual(messages, ["there is no input '__proto__' here", "there is no input 'constructor' here"]);
});
