// The configuration of the README's section on proxies, in a real nginx.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { basic } from '../../testkit/http.ts';
import { until } from '../../testkit/until.ts';
import { subscribe, subscribeSse } from '../events/support/subscriber.ts';
import { ask, type Site, startSite } from './support/site.ts';

function isInstalled(): boolean {
  try {
    execFileSync('/bin/sh', ['-c', 'command -v nginx'], { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } });
    return true;
  } catch {
    return false;
  }
}
const nginxTest = isInstalled()
  ? test
  : (((title, _run) => test.skip(`${title} (needs nginx)`, () => {})) as typeof test);

/** The block of the README that begins with this line, without its fences. */
async function recipe(first: string): Promise<string> {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const block = readme.split('```').find(one => one.includes(first));
  if (!block) throw new Error(`the README has no block with ${first}`);
  return block.replace(/^\w+\n/, '');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

let site: Site;
let directory: string;
let nginx: ChildProcess | undefined;
let url: string;
let said = '';

test.before(async () => {
  site = await startSite({ host_names: ['disks.example'], trusted_proxies: ['127.0.0.1'], event_idle: 8 });
  directory = await mkdtemp(join(tmpdir(), 'pdisk-nginx-'));
  if (!isInstalled()) return;
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  const server = (await recipe('proxy_pass http://127.0.0.1:8445'))
    .replace(/listen [^;]*;/, `listen 127.0.0.1:${port};`)
    .replaceAll(/ *ssl_certificate\w* [^;]*;\n/g, '')
    .replaceAll('127.0.0.1:8445', new URL(site.service.url).host);
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    name => `${name}_temp_path ${directory}/${name};`,
  );
  const config = `daemon off; pid ${directory}/pid; error_log stderr; worker_processes 1;
events { worker_connections 64; }
http { access_log off; ${folders.join(' ')}\n${server}\n}`;
  await writeFile(join(directory, 'nginx.conf'), config);
  nginx = spawn('/usr/sbin/nginx', ['-e', 'stderr', '-p', directory, '-c', join(directory, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  nginx.stderr?.on('data', data => {
    said += data;
  });
  await until(
    () =>
      fetch(url).then(
        () => true,
        () => false,
      ),
    'nginx',
    { hint: () => said },
  );
});

test.after.always(async () => {
  if (nginx && nginx.exitCode === null) {
    nginx.kill('SIGQUIT');
    const ended = once(nginx, 'exit', { signal: AbortSignal.timeout(10_000) });
    await ended.catch(() => nginx?.kill('SIGKILL'));
  }
  await site?.end();
  if (directory) await rm(directory, { recursive: true, force: true });
});

nginxTest('requests and answers go through nginx as they are', async t => {
  const form = { size: '1', tag: 'through nginx', visibility: 'private' };
  const made = await ask(url, 'POST', '/api/create', { form });
  t.is(made.status, 201);
  const path = `/api/disks/${JSON.parse(made.text).uuid}`;
  const [shown, direct] = [await ask(url, 'GET', path), await site.ask('GET', path)];
  t.is(shown.text, direct.text);
  for (const name of ['x-diskuser-limit', 'x-diskuser-remaining', 'etag'])
    t.is(shown.headers.get(name), direct.headers.get(name), name);
  t.is((await ask(url, 'HEAD', path)).status, 200);
  t.is((await ask(url, 'DELETE', path, { headers: { 'if-match': '"other"' } })).status, 412);
  const missing = await ask(url, 'POST', '/api/create', {});
  t.deepEqual([missing.status, missing.reason], [422, 'Unprocessable Entity']);
  t.is((await ask(url, 'DELETE', path)).status, 200);
});

nginxTest(
  'a page that nginx serves under its own name may change disks, and no page of another may',
  async t => {
    const form = { size: '1', tag: 'a page', visibility: 'private' };
    const own = { origin: url, 'sec-fetch-site': 'same-origin' };
    t.is((await ask(url, 'POST', '/api/create', { form, headers: own })).status, 201);
    const foreign = { origin: 'http://evil.example' };
    t.is((await ask(url, 'POST', '/api/create', { form, headers: foreign })).code, 'CROSS_SITE');
  },
);

nginxTest('the event stream goes through nginx, as Server-Sent Events and over a WebSocket', async t => {
  for (const open of [subscribeSse, subscribe]) {
    const subscriber = await open(url);
    await subscriber.untilMessages(1);
    const uuid = await site.create();
    await until(
      () => subscriber.events().some(({ subject, type }) => subject === uuid && type === 'disk.created'),
      'the event',
    );
    t.pass();
    subscriber.close();
    await subscriber.closed;
  }
});

nginxTest('clients behind nginx are known by their own addresses', async t => {
  const guess = (client: string) =>
    ask(url, 'GET', '/api/disks', {
      as: '',
      headers: { authorization: basic('bob', 'a guess'), 'x-forwarded-for': client },
    });
  t.is((await guess('192.0.2.1')).status, 401);
  // nginx adds the address of its own client, which is a trusted proxy here, too.
  await until(() => site.service.log().includes('"attempted":"bob"'), 'the line');
  const line = site.service
    .log()
    .split('\n')
    .find(one => one.includes('"attempted":"bob"'));
  t.is(JSON.parse(line ?? '{}').client, '192.0.2.1');
});
