// The service's own parts, without REST between the load and the actors. It records when each event is
// durable.

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { nanoid } from 'nanoid';
import { pino } from 'pino';
import { createAccounts } from '../../../src/accounts/accounts.ts';
import type { Caller } from '../../../src/accounts/caller.ts';
import { createMetrics } from '../../../src/api/metrics.ts';
import { createAnswers } from '../../../src/api/routes/idempotency.ts';
import { createApi } from '../../../src/api/server.ts';
import { openAuditLog } from '../../../src/audit/audit-log.ts';
import { createDisks } from '../../../src/disks/disks.ts';
import { openEventLog } from '../../../src/events/log.ts';
import { createStreams } from '../../../src/events/streams.ts';
import { createTickets } from '../../../src/events/tickets.ts';
import { createHypervisor } from '../../../src/hypervisor/create.ts';
import { recordKinds } from '../../../src/record-kinds.ts';
import { openFilePool } from '../../../src/storage/file.ts';
import type { EventRecord } from '../../../src/store/records.ts';
import { openStore } from '../../../src/store/store.ts';

const [directory = ''] = process.argv.slice(2);
const fail = (error: unknown): never => {
  throw error;
};
const now = (): number => performance.timeOrigin + performance.now();

await mkdir(directory, { recursive: true });
const store = await openStore({ kinds: recordKinds, directory: join(directory, 'db'), onFailure: fail });

const log = await openEventLog(store);
const durable: Record<number, number> = {};
const pool = await openFilePool({ directory: join(directory, 'pool'), overcommit: 1000, owner: 'tests' });
const quiet = pino({ level: 'silent' });
const disks = await createDisks({
  store,
  pool,
  hypervisor: createHypervisor({ nodes: new Map(), vmNames: ['{vm_id}'], log: quiet }),
  log: quiet,
  now: Date.now,
  time: Date.now,
  newUuid: randomUUID,
  newId: nanoid,
  stands: () => true,
  quotaOf: () => ({ disks: 1000, sizeGiB: 1000 }),
  accountNamed: name => ({ name }),
  publish(events: readonly EventRecord[]) {
    for (const { sequence } of events) durable[sequence] = now();
    log.publish(events);
  },
  fault: fail,
  settings: {
    userLimit: 1,
    vmAccess: 'any',
    attachTimeoutMs: 30_000,
    detachTimeoutMs: 30_000,
    createTimeoutMs: 60_000,
    deleteTimeoutMs: 60_000,
    reconcileIntervalMs: 60_000,
  },
});
await disks.recover();
const caller: Caller = { account: 'bench', role: 'admin' };
const streams = createStreams({
  log,
  service: disks.service,
  isCurrent: () => true,
  perAccount: 100_000,
  bookmarkMs: 30_000,
  failed: fail,
});
const accounts = await createAccounts({
  load: async () => ({ accounts: [], tokens: [] }),
  put: async () => {},
  remove: async () => {},
  putToken: async () => {},
  removeToken: async () => {},
});
await accounts.createFirst('bench', 'correct horse');
const api = createApi({
  service: disks.service,
  nodes: disks.nodes,
  leftovers: disks.leftovers,
  drift: disks.drift,
  charts: disks.charts,
  explain: disks.explain,
  audit: await openAuditLog({ store, now: Date.now }),
  accounts,
  answers: await createAnswers(
    { load: async () => [], commit: async () => {} },
    accounts.passwords,
    Date.now,
  ),
  events: { log, streams, tickets: createTickets(nanoid, Date.now), idleSeconds: 960 },
  monitoring: {
    figures: createMetrics(),
    readiness: async () => ({
      ready: true,
      stopping: false,
      store: 'writable',
      pool: 'usable',
      nodes: { up: 0, down: 0 },
    }),
  },
  log: quiet,
  settings: {
    tls: undefined,
    hostNames: [],
    allowedOrigins: [],
    trustedProxies: [],
    maxConnections: 100_000,
    maxRequests: 100_000,
    metricsAccess: 'any',
  },
});

/**
 * The process's own memory, in bytes, without the mapped files of LevelDB, which the kernel can take back.
 */
const memory = (): number =>
  1024 * Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
let samples: number[] = [];
setInterval(() => samples.push(memory()), 100);

/** Attaches a disk and detaches it: four events. */
async function use(disk: string, vmId: string): Promise<void> {
  const vm = { node: 'onehost-1', vmId };
  const cause = { kind: 'request', request: nanoid(), account: 'bench' } as const;
  await disks.service.attach(caller, disk, vm, cause);
  await disks.service.detach(caller, vm, cause);
}

/** Makes `perSecond` events per second. Resolves with the sequence of the first. */
async function load(seconds: number, perSecond: number): Promise<number> {
  const uuids = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const disk = { sizeGiB: 1, tag: 'a disk', visibility: 'private' } as const;
      return (await disks.service.create(caller, disk, { kind: 'request' })).uuid;
    }),
  );
  const first = log.newest() + 1;
  const begun = performance.now();
  const rounds = (seconds * perSecond) / 4;
  const turns = uuids.map(() => Promise.resolve());
  for (let round = 0; round < rounds; round += 1) {
    const early = begun + (round * 4000) / perSecond - performance.now();
    if (early > 0) await delay(early);
    const index = round % uuids.length;
    turns[index] = turns[index]?.then(() => use(uuids[index] ?? '', String(index))) ?? Promise.resolve();
  }
  await Promise.all(turns);
  return first;
}

/** The report of the service about a finished load. */
export interface Made {
  /** When each event was durable, in milliseconds since 1970. */
  readonly durable: Readonly<Record<number, number>>;
  readonly first: number;
  readonly last: number;
  /** The memory every 100 ms since the last message, in bytes. */
  readonly memory: readonly number[];
}

process.on('message', async ({ seconds, perSecond }: { seconds: number; perSecond: number }) => {
  const first = seconds > 0 ? await load(seconds, perSecond) : 1;
  await store.flushed();
  await delay(100);
  const made: Made = { durable, first, last: log.newest(), memory: samples };
  process.send?.(made);
  samples = [];
});
const { port } = await api.listen('127.0.0.1', 0);
process.send?.({ port });
