// The service as scripts/server runs it: built, in a process of its own, with its usual log.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { PASSWORD } from '../../../testkit/http.ts';
import { until } from '../../../testkit/until.ts';
import { type Lines, linesTo } from './lines.ts';
import { pinnedTo } from './processors.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A running service. */
export interface Server {
  readonly port: number;
  readonly lines: Lines;
  /** From the start of the process until `GET /readyz` was answered with 200, in seconds. */
  readonly readyS: number;
  /** The resident memory of the process now, in bytes. */
  residentBytes(): number;
  stop(): Promise<void>;
}

/** How a service is started. */
export interface ServerOptions {
  /** The folder of its data and its log; may have been used by another server before. */
  readonly directory: string;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** The processor it is pinned to; undefined: any. */
  readonly processor?: number | undefined;
  /** The folder for a CPU profile (`node --cpu-prof`), written when the process stops. */
  readonly profile?: string | undefined;
}

/** Settings without any work besides what is measured. */
const QUIET = { listen: '127.0.0.1:0', overcommit: 10_000, nodes: {} };

function endOf(child: ChildProcess): string | undefined {
  return child.exitCode === null && child.signalCode === null ? undefined : 'ended';
}

/** Starts the built service and waits until it is ready. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { directory, settings = {}, processor, profile } = options;
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  const config = join(directory, 'pdisk.yaml');
  await writeFile(config, stringify({ ...QUIET, data_dir: join(directory, 'data'), ...settings }));
  const logFile = join(directory, 'log');
  const log = openSync(logFile, 'w');
  const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  const node = [process.execPath, ...profiling, join(root, 'dist/src/pdisk.js'), '--config', config];
  const [program = '', ...args] = pinnedTo(processor, node);
  const begun = performance.now();
  const child = spawn(program, args, {
    env: { ...process.env, PDISK_ADMIN_PASSWORD: PASSWORD, NODE_OPTIONS: '' },
    stdio: ['ignore', 'ignore', log],
  });
  closeSync(log);
  const said = (): string => readFileSync(logFile, 'utf8');
  const served = await until(
    () => /"port":(\d+).*pdisk serves/.exec(said())?.[1] ?? endOf(child),
    'the service',
    { timeoutMs: 120_000, hint: said, everyMs: 5 },
  );
  if (served === 'ended') throw new Error(`the service did not start\n${said()}`);
  const port = Number(served);
  const lines = linesTo(port);
  await until(async () => (await lines.ask('GET', '/readyz')).status === 200, 'the service to be ready', {
    timeoutMs: 60_000,
    hint: said,
    everyMs: 5,
  });
  const readyS = (performance.now() - begun) / 1000;
  return {
    port,
    lines,
    readyS,
    residentBytes() {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
    },
    async stop() {
      lines.close();
      if (endOf(child) !== undefined) return;
      const exited = once(child, 'exit');
      child.kill();
      await exited;
    },
  };
}
