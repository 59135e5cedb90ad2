// The service as a process that can be told to die at a boundary.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { root } from '../../../testkit/program.ts';
import { ARM_VARIABLE, type Order, type Plan, type Report, ROOT_VARIABLE, TRACE_FILE } from './plan.ts';
import type { Program } from './program.ts';

export const PASSWORD = 'correct horse';
/** Longer than any deadline of the service, in milliseconds. */
const ANSWER_MS = 180_000;

/** What a request sends. */
export interface Asked {
  /** The value of the header Authorization. */
  readonly as: string;
  readonly form?: Readonly<Record<string, string>> | undefined;
  readonly key?: string | undefined;
}

/** An answer; a request to a process that dies gets none. */
export interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly body: unknown;
}

/** A running process of the service. */
export interface Running {
  readonly pid: number;
  /** Resolves with true when the service serves, with false when it has ended before. */
  readonly serving: Promise<boolean>;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  hasEnded(): boolean;
  /** What it has logged. */
  log(): string;
  /** Resolves with undefined where the process ends before it has answered. */
  ask(method: string, path: string, asked: Asked): Promise<Answer | undefined>;
  /** Counts boundaries from now on, and lets happen what is planned. Not for a process that has ended. */
  arm(plan?: Plan): Promise<void>;
  /** The boundaries since `arm`. Not for a process that was killed. */
  trace(): Promise<readonly string[]>;
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

function asking(port: number, method: string, path: string, { as, form, key }: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: as,
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...(form ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
    };
    const signal = AbortSignal.timeout(ANSWER_MS);
    const asked = request({ port, host: '127.0.0.1', method, path, headers, agent: false, signal });
    asked.on('error', reject);
    asked.on('response', async response => {
      try {
        const body = await text(response);
        const code = response.headers['x-error-code'];
        resolve({
          status: response.statusCode ?? 0,
          code: code === undefined ? undefined : String(code),
          body: body === '' ? undefined : JSON.parse(body),
        });
      } catch (error) {
        reject(error);
      }
    });
    asked.end(form && new URLSearchParams(form).toString());
  });
}

/** Starts the service of `folder`. `arm`: it counts boundaries from its beginning. */
export function launch(
  program: Program,
  {
    folder,
    config,
    arm,
  }: {
    readonly folder: string;
    readonly config: string;
    readonly arm?: { readonly plan?: Plan | undefined } | undefined;
  },
): Running {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--import', program.preload, program.service, '--config', config],
    {
      cwd: folder,
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        PDISK_ADMIN_PASSWORD: PASSWORD,
        CRASH_MODULES: root,
        [ROOT_VARIABLE]: folder,
        ...(arm ? { [ARM_VARIABLE]: JSON.stringify(arm) } : {}),
      },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    },
  );
  let log = '';
  let port = 0;
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const ended = once(child, 'close').then(() => undefined);
  const serving = new Promise<boolean>(resolve => {
    child.stderr?.setEncoding('utf8').on('data', piece => {
      log += piece;
      const found = port === 0 ? /"port":(\d+).*pdisk serves/.exec(log)?.[1] : undefined;
      if (found === undefined) return;
      port = Number(found);
      resolve(true);
    });
    void ended.then(() => resolve(false));
  });

  async function tell(order: Order): Promise<Report | undefined> {
    if (hasEnded()) return undefined;
    const answered = once(child, 'message').then(([report]) => report as Report);
    child.send(order, () => {});
    return Promise.race([answered, ended]) as Promise<Report | undefined>;
  }

  return {
    pid: child.pid ?? 0,
    serving,
    ended,
    hasEnded,
    log: () => log,
    ask: (method, path, asked) =>
      asking(port, method, path, asked).catch(async error => {
        // The end of a process is noticed a moment after that of its connections.
        await Promise.race([ended, new Promise(resolve => setTimeout(resolve, 5000).unref())]);
        if (hasEnded()) return undefined;
        throw new Error(`${method} ${path}: ${error.message}\n${log}`);
      }),
    async arm(plan) {
      await tell({ kind: 'arm', plan });
    },
    async trace() {
      const report = await tell({ kind: 'trace' });
      if (report?.kind === 'trace') return report.names;
      return JSON.parse(await readFile(join(folder, TRACE_FILE), 'utf8'));
    },
    async end(signal) {
      if (!hasEnded()) child.kill(signal);
      await ended;
    },
  };
}
