import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { basic } from '../../../testkit/http.ts';
import { pinnedTo } from './processors.ts';
import type { Sample } from './rounds.ts';

const execute = promisify(execFile);
const script = fileURLToPath(new URL('wrk.lua', import.meta.url));

interface Load {
  readonly port: number;
  readonly path?: string;
  readonly connections: number;
  /** See `secondsOfWrk`. */
  readonly seconds: number;
  /** Arguments of the script; see wrk.lua. */
  readonly mode?: readonly string[];
  /** The processor that wrk is pinned to; undefined: any. */
  readonly processor?: number | undefined;
}

/** How long wrk runs for a given duration: it only takes whole seconds. */
export const secondsOfWrk = (seconds: number): number => Math.max(1, Math.round(seconds));

/**
 * Loads a port with wrk, a closed loop: each connection waits for an answer before the next request. `rate`
 * is answers per second, latencies are in milliseconds. Throws where a single request failed.
 */
export async function wrk({
  port,
  path = '/',
  connections,
  seconds,
  mode = [],
  processor,
}: Load): Promise<Sample> {
  const args = ['-t1', `-c${connections}`, `-d${secondsOfWrk(seconds)}s`, '-s', script];
  args.push('-H', `Authorization: ${basic('admin')}`, `http://127.0.0.1:${port}${path}`, '--', ...mode);
  const [program = '', ...rest] = pinnedTo(processor, ['wrk', ...args]);
  const { stdout } = await execute(program, rest);
  const summary = JSON.parse(/^SUMMARY (.*)$/m.exec(stdout)?.[1] ?? 'null') as Record<string, number> | null;
  if (!summary) throw new Error(`wrk said nothing of use:\n${stdout}`);
  const { requests = 0, failed = 0, seconds: took = 1, ...latencies } = summary;
  if (failed > 0) throw new Error(`${failed} of ${requests} requests to ${path} failed (${mode.join(' ')})`);
  return { ...latencies, requests, rate: requests / took };
}
