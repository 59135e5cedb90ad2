// The cost of password guessing for other clients: creates disks beside a flood of wrong logins, and without.
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { latencySample, type Measured } from './figures.ts';
import type { Flood, Seen } from './flood.ts';
import { startHelper } from './helper.ts';
import { type Sample, takeRounds } from './rounds.ts';
import { startServer } from './server.ts';

/** Measures creating disks beside a flood of wrong logins; the floor is without the flood. */
export async function logins(bench: Bench): Promise<Measured[]> {
  const { rounds, seconds } = bench;
  const server = await startServer({ directory: join(bench.directory, 'logins'), profile: bench.profile });
  const { helper: flood } = await startHelper<Flood, Seen>('flood.ts', [String(server.port)]);
  const form = { size: '1', tag: 'beside a flood', visibility: 'private' };

  /** One request after the other: a client that waits longer asks less. */
  async function create(): Promise<Sample> {
    const times: number[] = [];
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end) {
      const begun = performance.now();
      const { status, body } = await server.lines.ask('POST', '/api/create', form);
      if (status !== 201) throw new Error(`create was answered with ${status} ${body}`);
      times.push(performance.now() - begun);
    }
    return latencySample(times);
  }

  async function besideFlood(heeding: boolean): Promise<Sample> {
    await flood.ask({ on: true, heeding });
    const sample = await create();
    const seen = await flood.ask({ on: false, heeding });
    if (!seen['401'] || !seen['429']) throw new Error(`the flood saw ${JSON.stringify(seen)}`);
    return sample;
  }

  const measured: Measured[] = [];
  try {
    await create();
    for (const heeding of [true, false]) {
      measured.push({
        what: 'POST /api/create beside wrong logins',
        beside: 'the same without them',
        rounds: await takeRounds(rounds, bench.look, { ours: () => besideFlood(heeding), floor: create }),
        figures: [
          {
            name: `128 who ${heeding ? 'heed' : 'ignore'} a 429, p50`,
            key: 'p50',
            unit: 'ms',
            aim: { of: 'ratio', atMost: 2 },
          },
          { name: `128 who ${heeding ? 'heed' : 'ignore'} a 429, p99`, key: 'p99', unit: 'ms' },
        ],
      });
    }
    return measured;
  } finally {
    await flood.stop();
    await server.stop();
  }
}
