// Creates and deletes disks on the file pool, durably.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Work } from './bare-volumes.ts';
import type { Bench } from './bench.ts';
import { latencySample, type Measured } from './figures.ts';
import { startHelper } from './helper.ts';
import { openLoop } from './pace.ts';
import { populate } from './population.ts';
import { type Sample, takeRounds } from './rounds.ts';
import { startServer } from './server.ts';
import { secondsOfWrk, wrk } from './wrk.ts';

const IN_FLIGHT = [64, 1] as const;
/** More deletions per second than any host can do today. */
const DELETIONS_PER_SECOND = 6_000;
const CREATES_PER_SECOND = 50;
/** The target ratios, by the number of requests in flight. */
const AIMS = { 64: 0.9, 1: 0.6 } as const;

/** Measures creating and deleting disks; the floor is the same file operations and one synced batch. */
export async function volumes(bench: Bench): Promise<Measured[]> {
  const options = { directory: join(bench.directory, 'volumes'), profile: bench.profile };
  const { rounds, seconds } = bench;
  const uuids = await populate(
    options,
    Math.ceil(DELETIONS_PER_SECOND * secondsOfWrk(seconds) * rounds * 1.1),
  );
  const names = join(bench.directory, 'uuids');
  await writeFile(names, `${uuids.join('\n')}\n`);
  const { helper: bare } = await startHelper<Work, Sample>('bare-volumes.ts', [
    join(bench.directory, 'bare'),
  ]);
  const server = await startServer(options);
  let deleted = 0;

  const create = (connections: number) => wrk({ port: server.port, connections, seconds, mode: ['create'] });

  async function remove(connections: number): Promise<Sample> {
    const mode = ['delete', names, String(deleted)];
    const sample = await wrk({ port: server.port, connections, seconds, mode });
    // The last requests may have been carried out without an answer.
    deleted += (sample.requests ?? 0) + 2 * connections;
    return sample;
  }

  async function paced(): Promise<Sample> {
    const form = { size: '1', tag: 'paced', visibility: 'private' };
    const times = await openLoop(CREATES_PER_SECOND, seconds, async () => {
      const { status, body } = await server.lines.ask('POST', '/api/create', form);
      if (status !== 201) throw new Error(`create was answered with ${status} ${body}`);
    });
    return latencySample(times);
  }

  const measured: Measured[] = [];
  try {
    for (const inFlight of IN_FLIGHT) {
      for (const kind of ['create', 'delete'] as const) {
        const taken = await takeRounds(rounds, bench.look, {
          ours: () => (kind === 'create' ? create(inFlight) : remove(inFlight)),
          floor: () => bare.ask({ kind, inFlight, seconds }),
        });
        const aim = kind === 'create' ? { aim: { of: 'ratio', atLeast: AIMS[inFlight] } as const } : {};
        measured.push({
          what: kind === 'create' ? 'POST /api/create' : 'DELETE /api/disks/:uuid',
          beside: 'the same file operations and one synced batch',
          rounds: taken,
          figures: [
            { name: `${inFlight} in flight`, key: 'rate', unit: '1/s', ...aim },
            { name: `${inFlight} in flight, p50`, key: 'p50', unit: 'ms' },
            { name: `${inFlight} in flight, p99`, key: 'p99', unit: 'ms' },
          ],
        });
      }
    }
    const taken = await takeRounds(rounds, bench.look, {
      ours: paced,
      floor: () => bare.ask({ kind: 'create', inFlight: 1, seconds }),
    });
    measured.push({
      what: 'POST /api/create',
      beside: 'the same, one after the other',
      rounds: taken,
      figures: [
        { name: `p50 at ${CREATES_PER_SECOND}/s`, key: 'p50', unit: 'ms' },
        { name: `p99 at ${CREATES_PER_SECOND}/s`, key: 'p99', unit: 'ms' },
      ],
    });
    return measured;
  } finally {
    await bare.stop();
    await server.stop();
  }
}
