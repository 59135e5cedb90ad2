// The real service in a process of its own, on a free port, with its own data directory.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { request as requestTls } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { stringify } from 'yaml';
import { conforms } from './conforms.ts';
import { root, serviceProgram } from './program.ts';
import { until } from './until.ts';

/** In the guest with device-mapper everything takes ten times as long. */
const SLOW = process.env.PDISK_LVM_GUEST === '1';
/** Long timeouts, because a busy host is slow; tests that wait for a timeout set a shorter one. */
const PATIENT = { listen: '127.0.0.1:0', attach_timeout: 60, detach_timeout: 60 };
const PASSWORD = 'correct horse';
/** In milliseconds: longer than any timeout of the service, also in the guest with device-mapper. */
const ANSWER_MS = SLOW ? 600_000 : 120_000;

/** An HTTP answer. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body, where it is JSON. */
  readonly body: unknown;
}

/** The options of a request. */
interface Call {
  readonly form?: Record<string, string>;
  /** `name:password`; the administrator by default. */
  readonly as?: string;
}

/** A running service, started and ended as a process. */
export interface Service {
  readonly pool: string;
  /** Without a final slash; the port changes at each start. */
  readonly url: string;
  readonly pid: number | undefined;
  call(method: string, path: string, call?: Call): Promise<Reply>;
  /** Creates a disk; resolves with its UUID. */
  create(sizeGiB?: number, visibility?: 'private' | 'public', as?: string): Promise<string>;
  /** Creates an account; resolves with its credentials, for `as`. */
  account(name: string, role: 'user' | 'service' | 'admin'): Promise<string>;
  /** What the service has logged since its last start. */
  log(): string;
  /** Writes other settings into the configuration file and sends SIGHUP. */
  configure(settings: Record<string, unknown>): Promise<void>;
  /** Ends the service with SIGKILL. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends the service with SIGTERM; resolves with its exit status. */
  stop(): Promise<number | null>;
  /** Ends the service and removes its files. */
  remove(): Promise<void>;
}

const isJson = (headers: Headers): boolean =>
  headers.get('content-type')?.startsWith('application/json') ?? false;

/** Not fetch: its promise may never settle when the server is killed during the request. */
async function exchange(
  url: string,
  method: string,
  auth: string,
  form?: Record<string, string>,
): Promise<Reply> {
  const options = { method, auth, agent: false as const, signal: AbortSignal.timeout(ANSWER_MS) };
  const asked = url.startsWith('https:')
    ? requestTls(url, { ...options, rejectUnauthorized: false })
    : request(url, options);
  if (form) asked.setHeader('content-type', 'application/x-www-form-urlencoded');
  asked.end(form ? new URLSearchParams(form).toString() : undefined);
  const [response]: IncomingMessage[] = await once(asked, 'response');
  if (!response) throw new Error('no response');
  const body = await text(response);
  const headers = new Headers(Object.entries(response.headers).map(([name, value]) => [name, String(value)]));
  const json = isJson(headers) && method !== 'HEAD' ? JSON.parse(body) : undefined;
  const reply = { status: response.statusCode ?? 0, headers, text: body, body: json };
  if (!SLOW) conforms(method, new URL(url).pathname, reply);
  return reply;
}

/**
 * Starts the service with these settings (named as in the configuration file) and these additional
 * environment variables.
 */
export async function startService(
  settings: Record<string, unknown> = {},
  environment: Record<string, string> = {},
): Promise<Service> {
  const dir = await mkdtemp(join(tmpdir(), 'pdisk-service-'));
  const config = join(dir, 'pdisk.yaml');
  const write = (values: Record<string, unknown>): Promise<void> =>
    writeFile(config, stringify({ ...PATIENT, data_dir: join(dir, 'data'), ...values }));
  await write(settings);
  let child: ChildProcess | undefined;
  let log = '';
  let url = '';

  async function start(): Promise<void> {
    log = '';
    const env = { ...process.env, PDISK_ADMIN_PASSWORD: PASSWORD, NODE_OPTIONS: '', ...environment };
    const [program, ...args] = serviceProgram;
    child = spawn(program, [...args, '--config', config], {
      cwd: root,
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr?.setEncoding('utf8').on('data', text => {
      log += text;
    });
    const served = await until(
      () => log.match(/"port":(\d+).*pdisk serves/) ?? (child?.exitCode === null ? undefined : 'ended'),
      'the service',
      { timeoutMs: SLOW ? 240_000 : 60_000, hint: () => log },
    );
    if (typeof served === 'string') throw new Error(`the service did not start\n${log}`);
    url = `${'tls_certificate' in settings ? 'https' : 'http'}://127.0.0.1:${served[1]}`;
  }

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
    return child.exitCode;
  }

  const call = (
    method: string,
    path: string,
    { form, as = `admin:${PASSWORD}` }: Call = {},
  ): Promise<Reply> => exchange(url + path, method, as, form);

  await start();
  return {
    pool: join(dir, 'data', 'pool'),
    get url() {
      return url;
    },
    get pid() {
      return child?.pid;
    },
    call,
    async create(sizeGiB = 1, visibility = 'private', as) {
      const form = { size: String(sizeGiB), tag: 'a disk', visibility };
      const reply = await call('POST', '/api/create', { form, ...(as ? { as } : {}) });
      if (reply.status !== 201) throw new Error(`create answered ${reply.status} ${reply.text}`);
      return (reply.body as { uuid: string }).uuid;
    },
    async account(name, role) {
      const reply = await call('PUT', `/api/users/${name}`, { form: { password: PASSWORD, role } });
      if (reply.status >= 300) throw new Error(`PUT user answered ${reply.status} ${reply.text}`);
      return `${name}:${PASSWORD}`;
    },
    log: () => log,
    async configure(values) {
      await write(values);
      child?.kill('SIGHUP');
    },
    async kill() {
      await end('SIGKILL');
    },
    start,
    stop: () => end('SIGTERM'),
    async remove() {
      await end('SIGTERM');
      await rm(dir, { recursive: true, force: true });
    },
  };
}
