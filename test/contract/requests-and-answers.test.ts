// docs/api-contract.md, "Requests and answers": a test for each row, over HTTP, against the running service.
import test, { type ExecutionContext } from 'ava';
import { basic, request } from '../../testkit/http.ts';
import { until } from '../../testkit/until.ts';
import { type Answered, everybody, type Site, startSite } from './support/site.ts';

let site: Site;
test.before(async () => {
  site = await startSite();
});
test.after.always(() => site?.end());
test.afterEach.always(t => {
  if (!t.passed) t.log(site?.service.log().slice(-1500));
});

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const NOBODYS = 'eb198dec-3560-4a9a-b3b4-5f043410a3dd';
const disk = { size: '1', tag: '', visibility: 'private' };
const text = (body: string, type: string) => ({ headers: { 'content-type': type }, body });
const formType = 'application/x-www-form-urlencoded';
const codeOf = ({ status, code }: Answered) => `${status} ${code}`;

test('order of checks: authentication, route, method, media type, size, inputs, rights, state', async t => {
  const long = 'x'.repeat(20_000);
  const alices = await site.create('alice', 'public');
  await site.ask('POST', `/api/attach/${alices}`, { form: { node: 'n1', vm_id: 'order' } });
  const steps: [string, string, Parameters<Site['ask']>[2], string][] = [
    ['POST', '/api/nothing', { as: '', ...text(long, 'text/plain') }, '401 UNAUTHENTICATED'],
    ['POST', '/api/nothing', { ...text(long, 'text/plain') }, '404 ROUTE_UNKNOWN'],
    ['PUT', '/api/create', { ...text(long, 'text/plain') }, '405 METHOD_NOT_ALLOWED'],
    ['POST', '/api/create', { ...text(long, 'text/plain') }, '415 MEDIA_TYPE'],
    ['POST', '/api/create', { ...text(long, formType) }, '413 BODY_TOO_LARGE'],
    ['PUT', `/api/disks/${alices}/limit`, { as: 'bob', form: { limit: '0' } }, '400 BAD_INPUT'],
    ['PUT', `/api/disks/${alices}/limit`, { as: 'bob', form: { limit: '2' } }, '400 FORBIDDEN'],
    ['PUT', `/api/disks/${alices}/limit`, { form: { limit: '2' } }, '400 DISK_IN_USE'],
  ];
  for (const [method, path, asked, expected] of steps)
    t.is(codeOf(await site.ask(method, path, asked)), expected);
});

test('bodies of POST: form and JSON, numbers or strings; another type 415; no body is missing inputs; twice is 400', async t => {
  const created = [
    { form: { ...disk, size: '2' } },
    { json: { ...disk, size: 2 } },
    { json: { ...disk, size: '2' } },
    text('visibility=private&tag=&size=%32', `${formType}; charset=UTF-8`),
  ];
  for (const body of created) {
    const answer = await site.ask('POST', '/api/create', { as: 'bob', ...body });
    t.is(answer.status, 201, answer.text);
    const { uuid } = JSON.parse(answer.text);
    t.is(JSON.parse((await site.ask('GET', `/api/disks/${uuid}`, { as: 'bob' })).text).size, '2');
    t.is((await site.ask('DELETE', `/api/disks/${uuid}`, { as: 'bob' })).status, 200);
  }
  for (const type of ['text/plain', 'multipart/form-data; boundary=x', 'application/xml'])
    t.is(codeOf(await site.ask('POST', '/api/create', text('size=1', type))), '415 MEDIA_TYPE');
  const none = await site.ask('POST', '/api/create');
  t.deepEqual(
    [none.status, none.messages],
    [422, ['size is missing', 'tag is missing', 'visibility is missing']],
  );
  t.is(
    codeOf(await site.ask('POST', '/api/create', text('size=1&size=1&tag=&visibility=private', formType))),
    '400 BAD_INPUT',
  );
  t.is(
    codeOf(
      await site.ask('POST', '/api/detach', text('{"node":"a","node":"a","vm_id":"1"}', 'application/json')),
    ),
    '400 BAD_INPUT',
  );
});

for (const action of ['hotattach', 'hotdetach', 'attach', 'detach']) {
  test(`inputs of ${action}: exactly node and vm_id; missing, empty or unknown ones are 400`, async t => {
    const path = action === 'detach' ? '/api/detach' : `/api/${action}/${await site.create()}`;
    const wrong = [{}, { node: 'n1' }, { vm_id: '1' }, { node: '', vm_id: '1' }, { node: 'n1', vm_id: '' }];
    const unknown = [
      { node: 'n1', vm_id: '1', target: 'vda' },
      { node: 'n1', vm_id: 'x'.repeat(256) },
      { node: 'a b', vm_id: '1' },
    ];
    for (const inputs of [...wrong, ...unknown]) {
      t.is(codeOf(await site.ask('POST', path, { form: inputs })), '400 BAD_INPUT', JSON.stringify(inputs));
      t.is(codeOf(await site.ask('POST', path, { json: inputs })), '400 BAD_INPUT', JSON.stringify(inputs));
    }
  });
}

test('inputs of hotattach, hotdetach, attach, detach: node is compared in lower case without a final dot; both are echoed as written', async t => {
  const uuid = await site.create();
  const vm_id = site.addVm();
  const odd = { node: 'N1-Alias.EXAMPLE.', vm_id };
  const plugged = await site.ask('POST', `/api/hotattach/${uuid}`, { form: odd });
  t.is(plugged.text, `{"node":"N1-Alias.EXAMPLE.","vm_id":"${vm_id}","target":"vda","uuid":["${uuid}"]}`);
  const unplugged = await site.ask('POST', `/api/hotdetach/${uuid}`, {
    json: { node: 'n1', vm_id: Number(vm_id) },
  });
  t.is(unplugged.text, `{"node":"n1","vm_id":"${vm_id}","target":"vda","uuid":[]}`);
  const name = { node: 'Elsewhere.Example', vm_id: ' a/b ü 💾' };
  t.is(
    (await site.ask('POST', `/api/attach/${uuid}`, { form: name })).text,
    JSON.stringify({ ...name, uuid: [uuid] }),
  );
  const detached = await site.ask('POST', '/api/detach', { form: { ...name, node: 'elsewhere.example.' } });
  t.is(detached.text, JSON.stringify({ node: 'elsewhere.example.', vm_id: name.vm_id, uuid: [uuid] }));
});

test('inputs of create: size 1 to 1024, tag up to 255 characters and perhaps empty, visibility; all problems together, 422', async t => {
  const refused = await site.ask('POST', '/api/create', {
    json: { size: 1025, tag: 'x'.repeat(256), visibility: 'shared', owner: 'me' },
  });
  t.is(refused.status, 422);
  t.is(refused.reason, 'Unprocessable Entity');
  t.deepEqual(refused.messages, [
    'size must be a whole number of GiB from 1 to 1024',
    'tag must be at most 255 characters',
    'visibility must be private or public',
    "there is no input 'owner' here",
  ]);
  for (const size of ['0', '-1', '1.5', 'x', ''])
    t.is((await site.ask('POST', '/api/create', { form: { ...disk, size } })).status, 422);
  for (const tag of ['', '💾'.repeat(255), 'a & b = c + d%']) {
    const { status, text: body } = await site.ask('POST', '/api/create', { form: { ...disk, tag } });
    t.is(status, 201);
    t.is(JSON.parse((await site.ask('GET', `/api/disks/${JSON.parse(body).uuid}`)).text).tag, tag);
  }
});

test('JSON values: every one a string, seven keys in this order, UTC, UTF-8; lists in order of attachment, [] when empty; target of hot ones only', async t => {
  const before = Date.now() - 1000;
  const form = { size: '2', tag: 'ein Müsli 🥣', visibility: 'public' };
  const made = await site.ask('POST', '/api/create', { as: 'alice', form });
  const { uuid } = JSON.parse(made.text);
  t.regex(uuid, UUID);
  t.is(made.text, `{"uuid":"${uuid}"}`);
  const { text: body, headers } = await site.ask('GET', `/api/disks/${uuid}`, { as: 'bob' });
  const { created } = JSON.parse(body);
  t.is(
    body,
    `{"users":"0","created":"${created}","visibility":"public","tag":"ein Müsli 🥣","owner":"alice","uuid":"${uuid}","size":"2"}`,
  );
  t.regex(created, /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d$/);
  const time = Date.parse(`${created.replaceAll('/', '-').replace(' ', 'T')}Z`);
  t.true(time >= before && time <= Date.now());
  t.is(headers.get('content-type'), 'application/json');
  t.true((await site.ask('GET', '/api/disks', { as: 'bob' })).text.includes(body));

  const vm_id = site.addVm();
  const on = { form: { node: 'n1', vm_id } };
  const second = await site.create();
  await site.ask('POST', `/api/hotattach/${second}`, on);
  const both = await site.ask('POST', `/api/hotattach/${uuid}`, on);
  t.is(both.text, `{"node":"n1","vm_id":"${vm_id}","target":"vdb","uuid":["${second}","${uuid}"]}`);
  await site.ask('POST', `/api/hotdetach/${uuid}`, on);
  t.is(
    (await site.ask('POST', `/api/hotdetach/${second}`, on)).text,
    `{"node":"n1","vm_id":"${vm_id}","target":"vda","uuid":[]}`,
  );
  const cold = { form: { node: 'n1', vm_id: 'not yet' } };
  t.deepEqual(Object.keys(JSON.parse((await site.ask('POST', `/api/attach/${uuid}`, cold)).text)), [
    'node',
    'vm_id',
    'uuid',
  ]);
  t.deepEqual(Object.keys(JSON.parse((await site.ask('POST', '/api/detach', cold)).text)), [
    'node',
    'vm_id',
    'uuid',
  ]);
});

test('a create that answered an error leaves no disk, and a deleted one is unknown to every call', async t => {
  const ghost = { ...disk, tag: 'a ghost' };
  const ghosts = async () => (await site.ask('GET', '/api/disks')).text.includes('a ghost');
  t.is((await site.ask('POST', '/api/create', { form: { ...ghost, size: '1025' } })).status, 422);
  t.false(await ghosts());
  const uuid = await site.create('bob');
  t.is((await site.ask('DELETE', `/api/disks/${uuid}`, { as: 'bob' })).text, `{"uuid":"${uuid}"}`);
  const on = { as: 'bob' as const, form: { node: 'n1', vm_id: '1' } };
  for (const [method, path, asked] of [
    ['GET', `/api/disks/${uuid}`, { as: 'bob' }],
    ['HEAD', `/api/disks/${uuid}`, { as: 'bob' }],
    ['DELETE', `/api/disks/${uuid}`, { as: 'bob' }],
    ['PUT', `/api/disks/${uuid}/limit`, { form: { limit: '2' } }],
    ['POST', `/api/retry/${uuid}`, { as: 'bob' }],
    ['POST', `/api/hotattach/${uuid}`, on],
    ['POST', `/api/hotdetach/${uuid}`, on],
    ['POST', `/api/attach/${uuid}`, on],
    ['GET', `/api/disks/${uuid}/libvirt?node=n1&vm_id=1`, { as: 'bob' }],
  ] as const)
    t.is(codeOf(await site.ask(method, path, asked)), '400 DISK_UNKNOWN', `${method} ${path}`);
  t.false((await site.ask('GET', '/api/disks')).text.includes(uuid));
});

test('HEAD: wherever GET works, with the same headers and no body, and the connection goes on', async t => {
  const uuid = await site.create();
  for (const path of [
    '/',
    '/api/disks',
    `/api/disks/${uuid}`,
    '/api/users',
    '/api/nothing',
    '/api/disks/x',
  ]) {
    const received = await site.raw(request(`HEAD ${path}`) + request(`GET ${path}`), so =>
      /HTTP\/1\.1 [\s\S]*HTTP\/1\.1 [\s\S]*\r\n\r\n[\s\S]/.test(so),
    );
    const [head = '', get = ''] = received.split('HTTP/1.1 ').slice(1);
    const headers = (answer: string) =>
      answer
        .slice(0, answer.indexOf('\r\n\r\n'))
        .split('\r\n')
        .filter(line => !/^(Date|X-Request-Id):/.test(line))
        .sort();
    t.deepEqual(headers(head), headers(get), path);
    t.true(head.endsWith('\r\n\r\n'));
  }
});

test('HEAD on a disk tells whether it exists, HEAD on / whether the service is up, without credentials', async t => {
  const uuid = await site.create();
  t.is((await site.ask('HEAD', `/api/disks/${uuid}`)).status, 200);
  t.is((await site.ask('HEAD', `/api/disks/${NOBODYS}`)).status, 400);
  for (const as of everybody) t.is((await site.ask('HEAD', '/', { as })).status, 200);
});

test('trailing slash: none', async t => {
  const uuid = await site.create();
  for (const path of ['/api/disks/', `/api/disks/${uuid}/`, '/api/', '/api/users/'])
    t.is(codeOf(await site.ask('GET', path)), '404 ROUTE_UNKNOWN', path);
  t.is(codeOf(await site.ask('POST', '/api/create/', { form: disk })), '404 ROUTE_UNKNOWN');
});

test("client errors: 400 or 422, or HTTP's own code, always with messages; what is no HTTP/1.1 is answered by the server below", async t => {
  const answers = [
    await site.ask('GET', '/api/disks', { as: '' }),
    await site.ask('GET', '/api/nothing'),
    await site.ask('GET', '/api/create'),
    await site.ask('POST', '/api/create', text('x'.repeat(20_000), formType)),
    await site.ask('POST', '/api/create', text('x', 'text/plain')),
    await site.ask('POST', '/api/create', { form: {} }),
    await site.ask('POST', '/api/detach', { form: {} }),
    await site.ask('POST', '/api/detach', text('{', 'application/json')),
  ];
  t.deepEqual(
    answers.map(({ status }) => status),
    [401, 404, 405, 413, 415, 422, 400, 400],
  );
  for (const { text: body, messages, headers } of answers) {
    t.deepEqual(Object.keys(JSON.parse(body)), ['message']);
    t.true(messages.length > 0 && messages.every(message => typeof message === 'string' && message !== ''));
    t.is(headers.get('content-type'), 'application/json');
  }
  t.is(answers[0]?.headers.get('www-authenticate'), 'Basic realm="pdisk"');
  t.is(answers[2]?.headers.get('allow'), 'POST');
  const malformed: [string, RegExp][] = [
    ['GET / HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['GET / HTTP/1.0\r\nHost: localhost\r\n\r\n', /^HTTP\/1\.1 505 /],
    [request('GET /', [`X: ${'x'.repeat(5000)}`]), /^HTTP\/1\.1 431 /],
  ];
  for (const [bytes, expected] of malformed) t.regex(await site.raw(bytes, () => false), expected);
});

/**
 * The answer to a hotdetach at its deadline, on a site with a short one; afterwards the disk waits for
 * nothing.
 */
async function keptByItsGuest(t: ExecutionContext): Promise<Answered> {
  const near = await startSite({ detach_timeout: 8 });
  try {
    const uuid = await near.create();
    const on = { form: { node: 'n1', vm_id: near.addVm('n1', { manners: 'unwilling' }) } };
    t.is((await near.ask('POST', `/api/hotattach/${uuid}`, on)).status, 200);
    const answer = await near.ask('POST', `/api/hotdetach/${uuid}`, on);
    const { state, waiting } = JSON.parse((await near.ask('GET', `/api/disks/${uuid}?view=full`)).text);
    t.deepEqual([state, waiting], ['hot-attached', []]);
    return answer;
  } finally {
    await near.end();
  }
}

test('server-side failures: 503 with Retry-After for a node that cannot be reached, 504 for a guest that does not let go, 507 for a full pool', async t => {
  const uuid = await site.create();
  const silent = await site.ask('POST', `/api/hotattach/${uuid}`, { form: { node: 'silent', vm_id: '1' } });
  t.deepEqual([silent.status, silent.reason, silent.code], [503, 'Service Unavailable', 'NODE_UNREACHABLE']);
  t.regex(silent.headers.get('retry-after') ?? '', /^\d+$/);
  const kept = await keptByItsGuest(t);
  t.deepEqual([kept.status, kept.reason, kept.code], [504, 'Gateway Timeout', 'GUEST_KEPT_DISK']);
  const full: Answered[] = [];
  for (let i = 0; i < 200 && full.length === 0; i += 1) {
    const answer = await site.ask('POST', '/api/create', { as: 'bob', form: { ...disk, size: '1024' } });
    if (answer.status !== 201) full.push(answer);
  }
  t.deepEqual(
    full.map(({ status, reason, code }) => [status, reason, code]),
    [[507, 'Insufficient Storage', 'NO_SPACE']],
  );
  for (const { uuid: one, size } of JSON.parse((await site.ask('GET', '/api/disks', { as: 'bob' })).text))
    if (size === '1024') await site.ask('DELETE', `/api/disks/${one}`, { as: 'bob' });
  for (const { text: body } of [silent, kept, ...full])
    t.deepEqual(Object.keys(JSON.parse(body)), ['message']);
});

test('stable error codes and the request id: in a header of every answer, the id in every line that the request makes', async t => {
  const uuid = await site.create();
  const headers = { 'x-request-id': `contract-${uuid}` };
  const deleted = await site.ask('DELETE', `/api/disks/${uuid}`, { headers });
  t.is(deleted.headers.get('x-request-id'), headers['x-request-id']);
  const lines = () =>
    site.service
      .log()
      .split('\n')
      .filter(line => line.includes(headers['x-request-id']));
  const found = await until(() => (lines().length > 0 ? lines() : undefined), 'the lines of the request');
  t.true(found.some(line => line.includes('"msg":"request"') && line.includes('"status":200')));
  const refused = await site.ask('DELETE', `/api/disks/${uuid}`);
  t.is(refused.code, 'DISK_UNKNOWN');
  t.regex(refused.headers.get('x-request-id') ?? '', /^[\w-]{21}$/);
});

test('status line: the right reason phrase', async t => {
  const reasons = [
    await site.ask('GET', '/api/disks'),
    await site.ask('POST', '/api/create', { form: disk }),
    await site.ask('POST', '/api/detach'),
    await site.ask('GET', '/api/disks', { as: '' }),
    await site.ask('GET', '/x'),
    await site.ask('PUT', '/api/disks'),
    await site.ask('POST', '/api/create', text('x'.repeat(20_000), formType)),
    await site.ask('POST', '/api/create', text('x', 'text/plain')),
  ].map(({ status, reason }) => `${status} ${reason}`);
  t.deepEqual(reasons, [
    '200 OK',
    '201 Created',
    '400 Bad Request',
    '401 Unauthorized',
    '404 Not Found',
    '405 Method Not Allowed',
    '413 Payload Too Large',
    '415 Unsupported Media Type',
  ]);
});

test('a wrong method is 405 with Allow on every route', async t => {
  const routes: [string, string][] = [
    ['/api/disks', 'GET, HEAD'],
    [`/api/disks/${NOBODYS}`, 'DELETE, GET, HEAD, PATCH'],
    [`/api/disks/${NOBODYS}/limit`, 'PUT'],
    [`/api/disks/${NOBODYS}/libvirt`, 'GET, HEAD'],
    ['/api/create', 'POST'],
    ['/api/detach', 'POST'],
    ...['hotattach', 'hotdetach', 'attach', 'retry', 'resize'].map((name): [string, string] => [
      `/api/${name}/${NOBODYS}`,
      'POST',
    ]),
    ['/api/users', 'GET, HEAD'],
    ['/api/users/x', 'DELETE, PUT'],
    ['/api/users/x/quota', 'DELETE, PUT'],
    ['/api/users/me/password', 'PUT'],
    ['/api/tokens', 'GET, HEAD, POST'],
    ['/api/tokens/x', 'DELETE'],
    ['/api/nodes/x/agree', 'POST'],
    ['/api/nodes', 'GET, HEAD'],
    ['/api/pool', 'GET, HEAD'],
    ['/api/vms/n1/7', 'GET, HEAD'],
  ];
  for (const [path, allow] of routes) {
    const answer = await site.ask('OPTIONS', path);
    t.deepEqual([answer.status, answer.headers.get('allow')], [405, allow], path);
  }
});

test('a request of 2011 works on each route: a challenge first, then Basic, a form and no word about JSON', async t => {
  const vm_id = site.addVm();
  const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString();
  /** As Python's urllib2 and httplib sent it in 2011. */
  const send = async (line: string, body = ''): Promise<string> => {
    const headers = [
      'Accept-Encoding: identity',
      'Host: 127.0.0.1',
      'User-Agent: Python-urllib/2.6',
      ...(body === '' ? [] : [`Content-Type: ${formType}`, `Content-Length: ${body.length}`]),
    ];
    const asked = (more: string[]) =>
      `${line} HTTP/1.1\r\n${[...headers, ...more].join('\r\n')}\r\n\r\n${body}`;
    const challenge = await site.raw(asked(['Connection: close']));
    t.regex(
      challenge,
      /^HTTP\/1\.1 401 Unauthorized\r\n[\s\S]*\r\nWWW-Authenticate: Basic realm="pdisk"\r\n/,
      line,
    );
    const answer = await site.raw(asked([`Authorization: ${basic('cloud')}`, 'Connection: close']));
    t.regex(answer, /^HTTP\/1\.1 20[01] /, `${line}: ${answer}`);
    return answer.slice(answer.indexOf('\r\n\r\n') + 4);
  };
  const { uuid } = JSON.parse(
    await send('POST /api/create', form({ size: '1', tag: '', visibility: 'private' })),
  );
  const on = form({ node: 'n1', vm_id });
  await send('GET /api/disks');
  await send(`GET /api/disks/${uuid}`);
  await send(`POST /api/hotattach/${uuid}`, on);
  await send(`POST /api/hotdetach/${uuid}`, on);
  await send(`POST /api/attach/${uuid}`, form({ node: 'n1', vm_id: 'later' }));
  await send('POST /api/detach', form({ node: 'n1', vm_id: 'later' }));
  await send(`DELETE /api/disks/${uuid}`);
  t.regex(
    await site.raw('HEAD / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', so => so.includes('\r\n\r\n')),
    /^HTTP\/1\.1 200 OK/,
  );
});
