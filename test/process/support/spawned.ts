// The real service, started by a shell, which can set limits for it and redirect its output.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ExecutionContext } from 'ava';
import { stringify } from 'yaml';
import { root, serviceProgram } from '../../../testkit/program.ts';
import { until } from '../../../testkit/until.ts';

export const PASSWORD = 'correct horse';
const ANSWER_MS = 120_000;
/** How long a start may take on a busy host, in milliseconds. */
export const START_MS = 180_000;

interface Answered {
  readonly status: number;
  readonly code: string | undefined;
  readonly text: string;
}

export interface Spawned {
  readonly child: ChildProcess;
  readonly port: number;
  /** What it has written to stdout and stderr, where those are pipes. */
  output(): string;
  /** Resolves when the service answers requests. Rejects where the process exits before. */
  serves(): Promise<void>;
  call(method: string, path: string, form?: Record<string, string>): Promise<Answered>;
  create(): Promise<Answered>;
  /** Ends the process; resolves with its exit status. */
  end(signal?: 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A temporary folder that is deleted after the test. */
export async function folder(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-process-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/**
 * Starts the service with its data in `directory`/data. `shell` is the shell code that runs the service as
 * `"$@"`; `env` is added to its environment, `args` to its arguments.
 */
export async function spawnService(
  t: ExecutionContext,
  directory: string,
  {
    settings = {},
    shell = 'exec "$@"',
    env = {},
    args = [],
  }: {
    readonly settings?: Record<string, unknown>;
    readonly shell?: string;
    readonly env?: Record<string, string | undefined>;
    readonly args?: readonly string[];
  } = {},
): Promise<Spawned> {
  const port = await freePort();
  const config = join(directory, 'pdisk.yaml');
  const all = { listen: `127.0.0.1:${port}`, data_dir: join(directory, 'data'), ...settings };
  await writeFile(config, stringify(all));
  const service = [...serviceProgram, '--config', config, ...args];
  const child = spawn('sh', ['-c', shell, 'sh', ...service], {
    cwd: root,
    env: { ...process.env, PDISK_ADMIN_PASSWORD: PASSWORD, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', piece => {
      output += piece;
    });
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;

  async function end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    if (!hasEnded()) {
      const closed = once(child, 'close');
      child.kill(signal);
      await closed;
    }
    return child.exitCode;
  }
  t.teardown(() => end('SIGKILL'));

  async function call(method: string, path: string, form?: Record<string, string>): Promise<Answered> {
    const asked = request({
      port,
      method,
      path,
      auth: `admin:${PASSWORD}`,
      agent: false,
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    if (form) asked.setHeader('content-type', 'application/x-www-form-urlencoded');
    asked.end(form ? new URLSearchParams(form).toString() : undefined);
    const [response] = await once(asked, 'response');
    const code = response.headers['x-error-code'];
    return { status: response.statusCode, code, text: await text(response) };
  }

  return {
    child,
    port,
    output: () => output,
    async serves() {
      await until(
        async () => {
          if (hasEnded()) throw new Error(`the service ended\n${output}`);
          const [live, list] = [await call('HEAD', '/').catch(() => undefined), '/api/disks'];
          return live?.status === 200 && (await call('GET', list).catch(() => undefined))?.status === 200;
        },
        'the service',
        { timeoutMs: START_MS, hint: () => output },
      );
    },
    call,
    create: () => call('POST', '/api/create', { size: '1', tag: '', visibility: 'private' }),
    end,
  };
}

/** Waits for a service that refuses to start; resolves with what it wrote. */
export async function refusal(service: Spawned): Promise<string> {
  if (service.child.exitCode === null) await once(service.child, 'close');
  return service.child.exitCode === 1 ? service.output() : `ended with ${service.child.exitCode}`;
}
