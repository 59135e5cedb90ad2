// Whether an operation costs more where there are more disks.
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import type { Measured } from './figures.ts';
import { openLoop } from './pace.ts';
import { populate } from './population.ts';
import { percentile, type Sample, takeRounds } from './rounds.ts';
import { type Server, startServer } from './server.ts';

const FEW = 100;
const PER_SECOND = { get: 500, create: 50, attach: 50, delete: 50, metrics: 20 } as const;

/** Runs every operation at its rate, one kind after the other. */
async function operate({ lines }: Server, uuids: readonly string[], seconds: number): Promise<Sample> {
  const uuidAt = (index: number): string => uuids[(index * 7919) % uuids.length] ?? '';
  const made: string[] = [];
  async function ask(method: string, path: string, form?: Record<string, string>): Promise<string> {
    const { status, body } = await lines.ask(method, path, form);
    if (status >= 300) throw new Error(`${method} ${path} was answered with ${status} ${body}`);
    return body;
  }
  const operations = {
    get: (index: number) => ask('GET', `/api/disks/${uuidAt(index)}`),
    create: async () => {
      const form = { size: '1', tag: 'one more', visibility: 'private' };
      made.push(JSON.parse(await ask('POST', '/api/create', form)).uuid);
    },
    attach: async (index: number) => {
      const vm = { node: 'nowhere', vm_id: String(index) };
      await ask('POST', `/api/attach/${uuidAt(index)}`, vm);
      await ask('POST', '/api/detach', vm);
    },
    delete: () => ask('DELETE', `/api/disks/${made.pop()}`),
    metrics: () => ask('GET', '/metrics'),
  };
  const sample: Record<string, number> = {};
  for (const [name, operation] of Object.entries(operations)) {
    const times = await openLoop(PER_SECOND[name as keyof typeof operations], seconds, operation);
    sample[name] = percentile(times, 0.5);
    sample[`${name}-p99`] = percentile(times, 0.99);
  }
  return sample;
}

/** Measures each operation with many disks; the floor is the same with few disks. */
export async function growth(bench: Bench): Promise<Measured[]> {
  const few = { directory: join(bench.directory, 'few') };
  const many = { directory: join(bench.directory, 'many'), profile: bench.profile };
  const uuids = { few: await populate(few, FEW), many: await populate(many, bench.disks) };
  const servers = [await startServer(few), await startServer(many)] as const;
  try {
    const rounds = await takeRounds(bench.rounds, bench.look, {
      ours: () => operate(servers[1], uuids.many, bench.seconds),
      floor: () => operate(servers[0], uuids.few, bench.seconds),
    });
    const names = {
      get: 'GET /api/disks/:uuid',
      create: 'POST /api/create',
      attach: 'POST /api/attach/:uuid and /api/detach',
      delete: 'DELETE /api/disks/:uuid',
      metrics: 'GET /metrics',
    };
    return Object.entries(names).map(([key, what]) => ({
      what: `${what} with ${bench.disks} disks`,
      beside: `with ${FEW}`,
      rounds,
      figures: [
        { name: 'p50', key, unit: 'ms', aim: { of: 'ratio', atMost: 1.2 } },
        { name: 'p99', key: `${key}-p99`, unit: 'ms' },
      ],
    }));
  } finally {
    for (const server of servers) await server.stop();
  }
}
