// GET of one disk with a password, again and again: the cost of HTTP, authentication, rights and metrics.
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { latencySample, type Measured } from './figures.ts';
import { startHelper } from './helper.ts';
import { type Lines, linesTo } from './lines.ts';
import { openLoop } from './pace.ts';
import { populate } from './population.ts';
import { loadProcessor, serverProcessor } from './processors.ts';
import { type Sample, takeRounds } from './rounds.ts';
import { type ServerOptions, startServer } from './server.ts';
import { wrk } from './wrk.ts';

const CONNECTIONS = 64;
/** Requests per second: a quarter of a busy site's. */
const PER_SECOND = 1000;

/**
 * Compares an answer of the service with one of the same size of uWebSockets.js alone, each on a processor of
 * its own.
 */
async function beside(
  bench: Bench,
  options: ServerOptions,
  path: string,
  measure: (port: number, lines: Lines) => Promise<Sample>,
): Promise<Measured['rounds']> {
  const server = await startServer({ ...options, profile: bench.profile, processor: serverProcessor });
  const { body, status } = await server.lines.ask('GET', path);
  if (status !== 200) throw new Error(`${path} was answered with ${status}`);
  const { helper, first } = await startHelper<never, never>(
    'bare-http.ts',
    [String(body.length)],
    serverProcessor,
  );
  const { port } = first as { port: number };
  const bare = linesTo(port);
  try {
    return await takeRounds(bench.rounds, bench.look, {
      ours: () => measure(server.port, server.lines),
      floor: () => measure(port, bare),
    });
  } finally {
    bare.close();
    await helper.stop();
    await server.stop();
  }
}

/** Measures GET of one disk; the floor is uWebSockets.js alone. */
export async function read(bench: Bench): Promise<Measured[]> {
  const options = { directory: join(bench.directory, 'read') };
  const [uuid] = await populate(options, 1);
  const path = `/api/disks/${uuid}`;
  const rounds = await beside(bench, options, path, async (port, lines) => {
    const { seconds } = bench;
    const { rate = 0 } = await wrk({
      port,
      path,
      connections: CONNECTIONS,
      seconds,
      processor: loadProcessor,
    });
    const paced = await openLoop(PER_SECOND, seconds, () => lines.ask('GET', path));
    return { rate, ...latencySample(paced) };
  });
  return [
    {
      what: 'GET /api/disks/:uuid',
      beside: 'uWebSockets.js alone, a body of the same size',
      rounds,
      figures: [
        { name: `${CONNECTIONS} connections`, key: 'rate', unit: '1/s', aim: { of: 'ratio', atLeast: 0.7 } },
        { name: `p50 at ${PER_SECOND}/s`, key: 'p50', unit: 'ms' },
        { name: `p99 at ${PER_SECOND}/s`, key: 'p99', unit: 'ms' },
      ],
    },
  ];
}

const LISTED = 10_000;
const LISTS_PER_SECOND = 20;

/** Measures the list of at most `LISTED` disks; the floor is uWebSockets.js alone. */
export async function list(bench: Bench): Promise<Measured[]> {
  const options = { directory: join(bench.directory, 'list') };
  const listed = Math.min(LISTED, bench.disks);
  await populate(options, listed);
  const rounds = await beside(bench, options, '/api/disks', async (port, lines) => {
    const alone = await wrk({
      port,
      path: '/api/disks',
      connections: 1,
      seconds: bench.seconds,
      processor: loadProcessor,
    });
    const paced = await openLoop(LISTS_PER_SECOND, bench.seconds, () => lines.ask('GET', '/api/disks'));
    const { p50, p99 } = latencySample(paced);
    return { alone: alone.p50 ?? Number.NaN, p50: p50 ?? Number.NaN, p99: p99 ?? Number.NaN };
  });
  return [
    {
      what: `GET /api/disks, ${listed} disks`,
      beside: 'uWebSockets.js alone, a body of the same size',
      rounds,
      figures: [
        { name: 'p50, one after the other', key: 'alone', unit: 'ms', aim: { of: 'value', atMost: 3 } },
        { name: `p50 at ${LISTS_PER_SECOND}/s`, key: 'p50', unit: 'ms' },
        { name: `p99 at ${LISTS_PER_SECOND}/s`, key: 'p99', unit: 'ms' },
      ],
    },
  ];
}
