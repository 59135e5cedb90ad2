// The service's own parts, without REST between the load and the actors. Told of every event at the moment when it is durable.
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { nanoid } from 'nanoid';
import { pino } from 'pino';
import { createAccounts } from '../../../src/accounts/accounts.ts';
import { createFigures } from '../../../src/api/figures.ts';
import { createAnswers } from '../../../src/api/idempotency.ts';
import { createApi } from '../../../src/api/server.ts';
import { createDisks } from '../../../src/disks/disks.ts';
import type { Caller } from '../../../src/disks/service.ts';
import { openEventLog } from '../../../src/events/log.ts';
import { createStreams } from '../../../src/events/streams.ts';
import { createTickets } from '../../../src/events/tickets.ts';
import { createHypervisor } from '../../../src/hypervisor/create.ts';
import { openFilePool } from '../../../src/storage/file.ts';
import { eventKey } from '../../../src/store/keys.ts';
import type { EventRecord } from '../../../src/store/records.ts';
import { openStore } from '../../../src/store/store.ts';

const [directory = '', made = '0'] = process.argv.slice(2);
const fail = (error: unknown): never => {
  throw error;
};
const now = (): number => performance.timeOrigin + performance.now();

await mkdir(directory, { recursive: true });
const store = await openStore({ directory: join(directory, 'db'), onFailure: fail });
const uuid = randomUUID();

const sample = (sequence: number): EventRecord => ({
  v: 1,
  sequence,
  time: Date.now(),
  type: 'disk.attached',
  subject: uuid,
  disk: {
    uuid,
    owner: 'bench',
    tag: 'a disk',
    visibility: 'private',
    sizeGiB: 1,
    created: 0,
    users: 1,
    limit: 1,
  },
  attachment: { id: nanoid(), node: 'onehost-1', vmId: '7', target: null, mode: 'cold', by: 'bench' },
  from: null,
  to: 'attached',
  deadline: null,
  progress: null,
  cause: { kind: 'request', request: nanoid(), account: 'bench' },
});

/** A log of events as attaching a disk leaves them. */
async function fill(events: number): Promise<void> {
  const BATCH = 2000;
  for (let first = 1; first <= events; first += BATCH) {
    const sequences = Array.from(
      { length: Math.min(BATCH, events - first + 1) },
      (_, index) => first + index,
    );
    const writes = sequences.map(sequence => ({ key: eventKey(sequence), value: sample(sequence) }));
    await store.commit(writes);
  }
}
await fill(Number(made));

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
    leftoverGraceMs: 60_000,
  },
});
await disks.recover();
const caller: Caller = { account: 'bench', role: 'admin' };
const streams = createStreams({
  log,
  disks: disks.service.list,
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
  charts: disks.charts,
  accounts,
  answers: await createAnswers(
    { load: async () => [], commit: async () => {} },
    accounts.passwords,
    Date.now,
  ),
  events: { log, streams, tickets: createTickets(nanoid, Date.now), idleSeconds: 120 },
  monitoring: {
    figures: createFigures(),
    readiness: async () => ({ ready: true, store: 'writable', pool: 'usable', nodes: [] }),
  },
  log: quiet,
  settings: {
    tls: undefined,
    hostNames: [],
    maxConnections: 100_000,
    maxRequests: 100_000,
    metricsAccess: 'any',
  },
});

let peak = 0;
setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss());
}, 50);

/** Attaches a disk and detaches it: four events. */
async function use(disk: string, vmId: string): Promise<void> {
  const vm = { node: 'onehost-1', vmId };
  const cause = { kind: 'request', request: nanoid(), account: 'bench' } as const;
  await disks.service.attach(caller, disk, vm, cause);
  await disks.service.detach(caller, vm, cause);
}

/** So many events a second. Resolves with the sequence of the first. */
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

process.on('message', async ({ seconds, perSecond }: { seconds: number; perSecond: number }) => {
  const first = seconds > 0 ? await load(seconds, perSecond) : 1;
  await store.flushed();
  await delay(100);
  process.send?.({ durable, first, last: log.newest(), peak });
});
const { port } = await api.listen('127.0.0.1', 0);
process.send?.({ port, rss: process.memoryUsage.rss() });
