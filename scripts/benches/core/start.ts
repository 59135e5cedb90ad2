// The time from the start of the process until it is ready, and its memory then and after a listing of all
// disks.
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import type { Measured } from './figures.ts';
import { populate } from './population.ts';
import { type Sample, takeRounds } from './rounds.ts';
import { type ServerOptions, startServer } from './server.ts';

const MB = 1e6;

async function startOnce(options: ServerOptions): Promise<Sample> {
  const server = await startServer(options);
  try {
    const memory = server.residentBytes() / MB;
    await server.lines.ask('GET', '/api/disks');
    return { ready: server.readyS, memory, listed: server.residentBytes() / MB };
  } finally {
    await server.stop();
  }
}

/** Measures start-up time and memory with some and with many disks; the floor is without disks. */
export async function start(bench: Bench): Promise<Measured[]> {
  const empty = { directory: join(bench.directory, 'empty') };
  await populate(empty, 0);
  const measured: Measured[] = [];
  for (const disks of [Math.ceil(bench.disks / 100), bench.disks]) {
    const full = { directory: join(bench.directory, `start-${disks}`), profile: bench.profile };
    await populate(full, disks);
    const rounds = await takeRounds(Math.min(3, bench.rounds), bench.look, {
      ours: () => startOnce(full),
      floor: () => startOnce(empty),
    });
    const isMany = disks === bench.disks;
    measured.push({
      what: `start with ${disks} disks`,
      beside: 'with none',
      rounds,
      figures: [
        {
          name: 'ready',
          key: 'ready',
          unit: 's',
          ...(isMany && { aim: { of: 'value', atMost: 2 } as const }),
        },
        {
          name: 'memory',
          key: 'memory',
          unit: 'MB',
          ...(isMany && { aim: { of: 'value', atMost: 250 } as const }),
        },
        { name: 'memory after a list of all', key: 'listed', unit: 'MB' },
      ],
    });
  }
  return measured;
}
