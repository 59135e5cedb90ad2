// The real service under strace: what it does to its files, and what it has answered.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { root, serviceProgram } from '../../../testkit/program.ts';
import { until } from '../../../testkit/until.ts';
import { CALLS, LONGEST, type Step, stepsOf } from './trace.ts';

/** Why nothing can be recorded here; undefined: it can. */
export function whyNoTrace(): string | undefined {
  const { error, status } = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']);
  if (error) return 'strace is not installed';
  return status === 0 ? undefined : 'ptrace is not permitted';
}

/** A promise of the service: once it has said so, a thing has this value; null: it is not there. */
export interface Fact {
  readonly thing: string;
  readonly value: string | null;
  /** Whether this is what the service has sent to say so. */
  isSaidBy(sent: string): boolean;
}

/** One run of the service: its steps, and what it has promised, in the order of the requests. */
export interface Recording {
  readonly steps: readonly Step[];
  readonly facts: readonly Fact[];
}

/** A running service that is recorded. */
export interface Recorded {
  /** The administrator's password, if the service has made one. */
  readonly password: string;
  /** A request that has to succeed; resolves with its answer, and notes what `facts` says of it. */
  call(method: string, path: string, form?: Record<string, string>, facts?: Facts): Promise<unknown>;
}

/** What an answer promises: the values of things. */
export type Facts = (body: never) => Readonly<Record<string, string | null>>;

/** Runs the service on `folder`/site/data under strace while `work` uses it, and ends it by SIGTERM. */
export async function record(
  folder: string,
  nodes: Readonly<Record<string, string>>,
  given: string,
  work: (service: Recorded) => Promise<void>,
): Promise<Recording> {
  const [config, trace] = [join(folder, 'pdisk.yaml'), join(folder, 'trace')];
  const site = join(folder, 'site');
  await writeFile(config, stringify({ listen: '127.0.0.1:0', data_dir: join(site, 'data'), nodes }));
  const { PDISK_ADMIN_PASSWORD: _, ...env } = process.env;
  const strace = ['-f', '-qq', '-xx', '-y', '-s', String(LONGEST), '-o', trace, '-e', `trace=${CALLS}`];
  const child = spawn('strace', [...strace, ...serviceProgram, '--config', config], {
    cwd: root,
    env: { ...env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = outputOf(child);
  const served = await until(
    () =>
      output().match(/"pid":(\d+).*"port":(\d+).*pdisk serves/) ??
      (child.exitCode === null ? undefined : 'ended'),
    'the service',
    { timeoutMs: 180_000, hint: output },
  );
  if (typeof served === 'string') throw new Error(`the service did not start\n${output()}`);
  const password = /^account admin, password (\S+)/m.exec(output())?.[1] ?? given;
  const facts: Fact[] = [];
  if (password !== given)
    for (const [thing, value] of [
      ['account admin', 'admin'],
      ['file admin-password', password],
    ] as const)
      facts.push({ thing, value, isSaidBy: sent => sent.startsWith(`account admin, password ${password}`) });

  await work({
    password,
    async call(method, path, form, promised = () => ({})) {
      const response = await fetch(`http://127.0.0.1:${served[2]}${path}`, {
        method,
        headers: { authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}` },
        ...(form ? { body: new URLSearchParams(form) } : {}),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path} answered ${response.status} ${text}`);
      const id = response.headers.get('x-request-id') ?? '';
      const body = text === '' ? undefined : JSON.parse(text);
      for (const [thing, value] of Object.entries(promised(body as never)))
        facts.push({ thing, value, isSaidBy: sent => sent.startsWith('HTTP/1.1 2') && sent.includes(id) });
      return body;
    },
  });
  const closed = once(child, 'close');
  // The service, not strace: strace ends with it.
  process.kill(Number(served[1]), 'SIGTERM');
  await closed;
  return { steps: stepsOf(await readFile(trace, 'latin1'), site), facts };
}

function outputOf(child: ChildProcess): () => string {
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', piece => {
      output += piece;
    });
  return () => output;
}
