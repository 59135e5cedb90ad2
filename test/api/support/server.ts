import type { Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import { pino } from 'pino';
import { type AccountStore, type Accounts, createAccounts } from '../../../src/accounts/accounts.ts';
import { createMetrics } from '../../../src/api/metrics.ts';
import type { Monitoring } from '../../../src/api/routes/open.ts';
import { type ApiSettings, createApi } from '../../../src/api/server.ts';
import type { DriftService } from '../../../src/disks/drift/drift-watch.ts';
import type { LeftoverService } from '../../../src/disks/services/leftover-service.ts';
import { conforms } from '../../../testkit/conforms.ts';
import { basic, PASSWORD, sendRaw } from '../../../testkit/http.ts';
import { cheap, memoryStore } from '../../accounts/support/memory-store.ts';
import { eventParts } from '../../events/support/parts.ts';
import { auditInMemory } from './audit.ts';
import {
  chartDouble,
  type DiskDouble,
  diskDouble,
  driftDouble,
  explainDouble,
  leftoverDouble,
  nodeDouble,
} from './disks.ts';
import { answers } from './once.ts';

/** An answer, with its reason phrase. */
export interface Answered {
  readonly status: number;
  readonly reason: string;
  readonly headers: Headers;
  readonly text: string;
}

/** A running API over doubles of the services. */
export interface Server {
  readonly port: number;
  readonly service: DiskDouble;
  readonly accounts: Accounts;
  /** Every line of the log so far. */
  readonly log: readonly Record<string, unknown>[];
  stop(graceMs: number): Promise<void>;
  drain(limitMs: number): Promise<void>;
  /** Reads the certificate again. */
  reload(): void;
  /** Sends one request, as the administrator by default. A plain object is sent as a form. */
  ask(
    method: string,
    path: string,
    options?: { as?: string | undefined; form?: Record<string, string>; json?: unknown } & RequestInit,
  ): Promise<Answered>;
  /**
   * Sends bytes unchanged; resolves with what came back, once `enough` returns true or the connection ends.
   */
  raw(bytes: string | Buffer, enough?: (received: string, socket: Socket) => boolean): Promise<string>;
}

/** Metrics that are empty, and a service that is ready. */
export const monitoring = (): Monitoring => ({
  figures: createMetrics(),
  readiness: async () => ({
    ready: true,
    stopping: false,
    store: 'writable',
    pool: 'usable',
    nodes: { up: 0, down: 0 },
  }),
});

async function makeAccounts(accounts: Accounts): Promise<void> {
  await accounts.createFirst('admin', PASSWORD);
  const admin = await accounts.verify('admin', PASSWORD);
  if (!admin) throw new Error('no administrator');
  await accounts.put(admin, 'cloud', { password: PASSWORD, role: 'service' });
  await accounts.put(admin, 'test', { password: PASSWORD, role: 'user' });
}

/** The default settings of the tests. */
export const plain: ApiSettings = {
  tls: undefined,
  hostNames: [],
  allowedOrigins: [],
  trustedProxies: [],
  maxConnections: 20_000,
  maxRequests: 2000,
  metricsAccess: 'admin',
};

/**
 * The API over a double of the disks. Creates the accounts `admin`, `cloud` (service) and `test` (user),
 * unless `accountStore` has accounts.
 */
export async function startServer(
  t: ExecutionContext,
  service = diskDouble(),
  nodes = nodeDouble,
  cost = cheap,
  settings: Partial<ApiSettings> = {},
  accountStore: AccountStore = memoryStore(),
  keys = answers(),
  differences: { leftovers?: LeftoverService; drift?: DriftService } = {},
): Promise<Server> {
  const log: Record<string, unknown>[] = [];
  const logger = pino({ level: 'debug' }, { write: line => log.push(JSON.parse(line)) });
  const accounts = await createAccounts(accountStore, { cost });
  if (accounts.isEmpty()) await makeAccounts(accounts);
  const { events } = await eventParts(accounts, service);
  const api = createApi({
    service,
    nodes,
    leftovers: leftoverDouble(),
    drift: driftDouble,
    ...differences,
    charts: chartDouble,
    explain: explainDouble,
    audit: await auditInMemory(),
    accounts,
    answers: await keys,
    events,
    monitoring: monitoring(),
    log: logger,
    settings: { ...plain, ...settings },
  });
  const { port } = await api.listen('127.0.0.1', 0);
  t.teardown(() => api.stop(0));

  return {
    port,
    service,
    accounts,
    log,
    stop: api.stop,
    drain: api.drain,
    reload: api.reloadCertificate,
    async ask(method, path, { as = 'admin', form, json, headers, ...rest } = {}) {
      const sent = new Headers(headers);
      if (as !== '' && !sent.has('authorization')) sent.set('authorization', basic(as));
      if (json !== undefined) sent.set('content-type', 'application/json');
      const body = form ? new URLSearchParams(form) : json !== undefined ? JSON.stringify(json) : undefined;
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        headers: sent,
        ...(body === undefined ? {} : { body }),
        ...rest,
      });
      const { status, statusText: reason } = response;
      const answered = { status, reason, headers: response.headers, text: await response.text() };
      conforms(method, path, answered);
      return answered;
    },
    raw: (bytes, enough) => sendRaw(port, bytes, enough),
  };
}
