// Ten thousand generated requests: no crash, no answer that is not documented, no state that the charts do
// not have. A failing run prints its seed; FC_SEED repeats it.

import test from 'ava';
import {
  type Arbitrary,
  array,
  assert,
  asyncProperty,
  constant,
  constantFrom,
  dictionary,
  json,
  oneof,
  record,
  string,
  stringMatching,
  tuple,
  uuid,
} from 'fast-check';
import { attachmentMachine } from '../../machines/attachment.ts';
import { diskMachine } from '../../machines/disk.ts';
import { edgesOf } from '../../src/charts/edges.ts';
import { basic, request, sendRaw } from '../../testkit/http.ts';
import { startSite } from './support/site.ts';

const AT_ONCE = 25;
const RUNS = 400;

interface Shot {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: Buffer;
  readonly chunked: boolean;
}

const frequently = <T>(often: Arbitrary<T>, seldom: Arbitrary<T>): Arbitrary<T> =>
  oneof({ arbitrary: often, weight: 6 }, { arbitrary: seldom, weight: 1 });
const anything = oneof(
  string({ unit: 'binary', maxLength: 300 }),
  string({ maxLength: 40 }),
  stringMatching(/^[ -~]{0,60}$/),
);

function shots(uuids: readonly string[]): Arbitrary<Shot> {
  const method = frequently(
    constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'),
    constantFrom('OPTIONS', 'TRACE', 'CONNECT', 'get', 'X'),
  );
  const id = oneof(
    constantFrom(...uuids),
    uuid(),
    anything.map(encodeURIComponent_),
    constantFrom('%00', '%', '%ff', '..', '', "'", '%2f'),
  );
  const path = frequently(
    oneof(
      constantFrom(
        '/',
        '/api/disks',
        '/api/create',
        '/api/detach',
        '/api/users',
        '/api/tokens',
        '/api/users/me/password',
        '/api/nodes',
        '/api/pool',
        '/healthz',
        '/metrics',
      ),
      tuple(
        constantFrom(
          '/api/disks/',
          '/api/hotattach/',
          '/api/hotdetach/',
          '/api/attach/',
          '/api/retry/',
          '/api/resize/',
          '/api/tokens/',
        ),
        id,
      ).map(parts => parts.join('')),
      tuple(
        constantFrom('/api/disks/', '/api/users/', '/api/nodes/'),
        id,
        constantFrom('/limit', '/libvirt', '/quota', '/agree', '/x', '/'),
      ).map(parts => parts.join('')),
    ),
    anything.map(text => `/${visible(text)}`),
  );
  const query = frequently(
    constant(''),
    oneof(
      anything.map(text => `?${visible(text)}`),
      constantFrom(
        '?',
        '?node=n1&vm_id=1',
        '?a=1&a=1',
        '?%ff',
        '?view=full',
        '?view=full&limit=2',
        '?after=1.x',
      ),
    ),
  );
  const value = oneof(
    anything,
    constantFrom(
      '1',
      '2',
      'n1',
      'silent',
      'private',
      'public',
      'hostile',
      '0',
      '-1',
      '1e9',
      '💾'.repeat(300),
    ),
  );
  const name = frequently(
    constantFrom('node', 'vm_id', 'size', 'tag', 'visibility', 'limit', 'disks', 'name', 'expires_in'),
    anything,
  );
  const fields = dictionary(name, value, { maxKeys: 6 });
  const likely = oneof(
    record({ node: constantFrom('n1', 'N1.', 'silent', 'x'), vm_id: constantFrom('hostile', 'later', '1') }),
    record({
      size: constantFrom('1', '2', '1025'),
      tag: anything,
      visibility: constantFrom('private', 'public', 'x'),
    }),
    record({ limit: constantFrom('1', '2', '0') }),
  );
  const formBody = oneof(fields, likely).map(all =>
    new URLSearchParams(all as Record<string, string>).toString(),
  );
  const [form, jsonType] = ['application/x-www-form-urlencoded', 'application/json'];
  const content = oneof(
    formBody.map(text => [form, text]),
    oneof(fields, likely).map(all => [jsonType, JSON.stringify(all)]),
    json().map(text => [jsonType, text]),
    tuple(constantFrom(form, jsonType, 'text/plain', `${form}; charset=latin1`, ''), anything),
    constant([form, 'x'.repeat(20_000)]),
    constant(['', '']),
  );
  const who = frequently(
    constantFrom(basic('alice'), basic('bob'), basic('cloud'), basic('admin')),
    oneof(
      constantFrom('', 'Basic', 'Bearer x.y', 'Digest a="b"', 'Basic Og=='),
      anything.map(text => `Bearer ${visible(text)}`),
    ),
  );
  const more = array(
    oneof(
      tuple(
        stringMatching(/^[A-Za-z-]{1,20}$/).filter(
          header => !/^(content-length|transfer-encoding|expect|host|authorization|upgrade)$/i.test(header),
        ),
        anything,
      ).map(([header, text]) => `${header}: ${visible(text)}`),
      constantFrom(
        'Idempotency-Key: "a"',
        'Idempotency-Key: b',
        'Idempotency-Key: \t',
        'Origin: http://evil.example',
        'Sec-Fetch-Site: cross-site',
        'X-Request-Id: mine',
        'Connection: close',
        'Accept: text/event-stream',
        'Upgrade: websocket',
        'Sec-WebSocket-Key: AA==',
        'Last-Event-ID: 0',
        'If-Match: "a", W/"b"',
        'If-Match: a',
        'If-None-Match: *',
      ),
    ),
    { maxLength: 4 },
  );
  const vmFields = record({
    node: constantFrom('n1', 'n1', 'N1.', 'silent', 'x'),
    vm_id: constantFrom('hostile', 'hostile', 'later', '1'),
  });
  const inBody = (all: Arbitrary<Record<string, string>>) =>
    oneof(
      all.map(one => [form, new URLSearchParams(one).toString()]),
      all.map(one => [jsonType, JSON.stringify(one)]),
    );
  const on = (verb: string, prefix: string, suffix: string, inputs: Arbitrary<string[]>) =>
    tuple(
      constant(verb),
      frequently(constantFrom(...uuids), id).map(one => prefix + one + suffix),
      inputs,
    );
  const none = constant<string[]>(['', '']);
  const newDisk = record({
    size: constantFrom('1', '2', '1025'),
    tag: anything,
    visibility: constantFrom('private', 'public', 'public', 'x'),
  });
  const apt = oneof(
    tuple(constant('POST'), constant('/api/create'), inBody(newDisk)),
    tuple(constant('POST'), constant('/api/detach'), inBody(vmFields)),
    tuple(
      constant('POST'),
      constant('/api/tokens'),
      inBody(record({ name: anything, expires_in: constantFrom('1', '60') })),
    ),
    tuple(constant('GET'), constantFrom('/', '/api/disks', '/api/users', '/api/tokens'), none),
    on('GET', '/api/disks/', '', none),
    on('GET', '/api/disks/', '/libvirt?node=n1&vm_id=later', none),
    ...['hotattach', 'hotattach', 'hotdetach', 'attach', 'attach'].map(name =>
      on('POST', `/api/${name}/`, '', inBody(vmFields)),
    ),
    on('POST', '/api/retry/', '', none),
    on('GET', '/api/vms/n1/', '', none),
    on(
      'PATCH',
      '/api/disks/',
      '',
      inBody(record({ tag: anything, visibility: constantFrom('private', 'public') })),
    ),
    on('DELETE', '/api/disks/', '', none),
    on('PUT', '/api/disks/', '/limit', inBody(record({ limit: constantFrom('1', '2', '3', '0') }))),
  );
  const stray = tuple(
    method,
    tuple(path, query).map(parts => parts.join('')),
    content,
  );
  const aim = oneof({ arbitrary: apt, weight: 3 }, { arbitrary: stray, weight: 1 });
  return tuple(aim, who, frequently(constant<string[]>([]), more), constantFrom(false, false, true)).map(
    ([[verb, url, [type = '', body = '']], authorization, headers, chunked]) => ({
      method: verb,
      path: url,
      headers: [
        `Authorization: ${authorization}`,
        ...(type === '' ? [] : [`Content-Type: ${type}`]),
        ...headers,
      ],
      body: Buffer.from(body),
      chunked,
    }),
  );
}

/** Without characters that end a line or begin another request. */
function visible(text: string): string {
  return text.replaceAll(/[\r\n]/g, '').slice(0, 1500);
}

function encodeURIComponent_(text: string): string {
  return [...Buffer.from(text)]
    .map(byte => `%${byte.toString(16).padStart(2, '0')}`)
    .join('')
    .slice(0, 300);
}

function bytesOf({ method, path, headers, body, chunked }: Shot): Buffer {
  const framing =
    chunked && body.length > 0 ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`;
  const head = [`${method} ${path} HTTP/1.1`, 'Host: localhost', ...headers, framing].join('\r\n');
  const parts =
    chunked && body.length > 0 ? [`${body.length.toString(16)}\r\n`, body, '\r\n0\r\n\r\n'] : [body];
  return Buffer.concat([`${head}\r\n\r\n`, ...parts].map(part => Buffer.from(part)));
}

/** A whole answer, or the beginning of one that never ends. */
function isAnswered(received: string, head: boolean): boolean {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(received.slice(0, end))?.[1];
  return head || length === undefined || received.length >= end + 4 + Number(length);
}

const DOCUMENTED: ReadonlySet<number> = new Set([
  200, 201, 204, 304, 400, 401, 404, 405, 412, 413, 415, 422, 426, 429, 503, 504, 507,
]);

/** A description of what is wrong with an answer, or undefined. */
function wrongWith(received: string, { method }: Shot): string | undefined {
  // Answers that uWebSockets.js gives itself.
  if (/^HTTP\/1\.1 (400|431|505) [^\r]*\r\n[\s\S]*uWebSockets\/20 Server/.test(received)) return undefined;
  const [, status] = /^HTTP\/1\.1 (\d{3}) [A-Z][A-Za-z -]+\r\n/.exec(received) ?? [];
  if (status === undefined) return 'no answer';
  if (status === '101') return undefined;
  if (!DOCUMENTED.has(Number(status))) return `status ${status}`;
  const [head = '', ...rest] = received.split('\r\n\r\n');
  if (!/\r\nX-Request-Id: [\w.~:+/=@-]+(\r\n|$)/.test(head)) return 'no request id';
  if (Number(status) < 400) return undefined;
  if (!/\r\nX-Error-Code: [A-Z_]+(\r\n|$)/.test(head)) return 'no code';
  if (/\r\nX-Error-Code: INTERNAL/.test(head)) return 'an inner error';
  if (method === 'HEAD') return rest.join('') === '' ? undefined : 'a body for HEAD';
  const { message } = JSON.parse(Buffer.from(rest.join('\r\n\r\n'), 'latin1').toString());
  return Array.isArray(message) && message.length > 0 && message.every(text => typeof text === 'string')
    ? undefined
    : 'no messages';
}

test(`${RUNS * AT_ONCE} generated requests: no crash, no answer that is not documented, no state that the charts do not have`, async t => {
  const site = await startSite({ overcommit: 1000, log_level: 'info', event_bookmark: 1 });
  try {
    site.n1.addDomain({ name: 'hostile', ports: 100 });
    site.n1.addDomain({ name: 'one-1', ports: 100 });
    const uuids = await Promise.all(
      (['alice', 'bob', 'cloud', 'admin'] as const).map(as => site.create(as, 'public')),
    );
    // This last request comes from an account that the generated requests do not use.
    await site.service.account('judge', 'admin');
    const { pid } = site.service;
    const port = Number(new URL(site.service.url).port);
    const kinds = new Map<string, number>();
    const fire = async (shot: Shot): Promise<void> => {
      const received = await sendRaw(port, bytesOf(shot), so => isAnswered(so, shot.method === 'HEAD'));
      const kind = /X-Error-Code: (\w+)/.exec(received)?.[1] ?? received.slice(9, 12);
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      const wrong = wrongWith(received, shot);
      if (wrong)
        throw new Error(
          `${wrong}: ${bytesOf(shot).toString('latin1').slice(0, 500)}\n→ ${received.slice(0, 500)}`,
        );
    };
    const volley = array(shots(uuids), { minLength: AT_ONCE, maxLength: AT_ONCE });
    const seed = Number(process.env.FC_SEED ?? Date.now());
    t.log(`FC_SEED=${seed}`);
    const shooting = asyncProperty(volley, async all => {
      await Promise.all(all.map(fire));
    });
    await assert(shooting, { numRuns: RUNS, seed, endOnFailure: true });

    t.log(Object.fromEntries([...kinds].sort(([, a], [, b]) => b - a)));
    // The requests reached every part of the service, and were not all refused at the first checks.
    t.true(kinds.size > 20);
    t.is(site.service.pid, pid);
    const ended = site.service
      .log()
      .split('\n')
      .filter(line => /"level":[56]0/.test(line));
    t.deepEqual(ended, []);
    const judge = { as: '' as const, headers: { authorization: basic('judge') } };
    const { status, text } = await site.ask('GET', '/api/disks', judge);
    t.is(status, 200);
    for (const disk of JSON.parse(text))
      t.true(
        Number(disk.size) >= 1 && Number(disk.users) >= 0 && ['private', 'public'].includes(disk.visibility),
      );
    // Every transition that was taken is one of the charts'.
    const ways = {
      disk: new Set(edgesOf(diskMachine).map(({ from, to = from }) => `${from} → ${to}`)),
      attachment: new Set(edgesOf(attachmentMachine).map(({ from, to = from }) => `${from} → ${to}`)),
    };
    const asked = request('GET /api/events?since=0', ['Accept: text/event-stream']);
    const told = await sendRaw(port, asked.replace(basic('admin'), basic('judge')), so =>
      so.includes('"control":"bookmark"'),
    );
    const changes = [...told.matchAll(/^data: (\{"specversion".*)$/gm)].map(([, line = '']) =>
      JSON.parse(line),
    );
    t.true(changes.length > 20);
    for (const { data } of changes) {
      const way = `${data.from ?? 'new'} → ${data.to}`;
      t.true(ways[data.attachment ? 'attachment' : 'disk'].has(way), way);
    }
    // The store refuses to open with a record that its schema does not allow.
    t.is(await site.service.stop(), 0);
    await site.service.start();
    const after = await site.ask('GET', '/api/disks', judge);
    t.is(JSON.parse(after.text).length, JSON.parse(text).length);
  } finally {
    await site.end();
  }
});
