// Names and units follow the conventions of Prometheus: base units, `_total` on counters, labels with few
// values.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { AuditLog } from '../audit/audit-log.ts';
import type { DiskFigures } from '../disks/disks.ts';
import type { DiskService } from '../disks/service.ts';
import { PdiskError } from '../errors.ts';
import type { EventLog } from '../events/log.ts';
import type { Streams } from '../events/streams.ts';
import type { Hypervisor } from '../hypervisor/hypervisor.ts';
import { GIB } from '../lib/gib.ts';
import type { Fullness } from '../storage/fullness.ts';
import type { Pool } from '../storage/pool.ts';
import { createRequestMetrics } from './request-metrics.ts';

/** What is read when the metrics are requested. */
interface Observed {
  readonly disks: () => DiskFigures;
  readonly hypervisor: Pick<Hypervisor, 'status' | 'hostOf' | 'certificateExpiries'>;
  readonly pool: Pick<Pool, 'promisableBytes'>;
  readonly fullness: () => readonly Fullness[];
  readonly log: EventLog;
  readonly audit: Pick<AuditLog, 'newest' | 'oldest' | 'figures'>;
  readonly streams: Streams;
}

/** Counts what happens, and reads the rest when the metrics are requested. */
export interface Metrics {
  /** Counts an answered request; `route` is the pattern of its URL, undefined for an unknown URL. */
  request(route: string | undefined, method: string, status: number, seconds: number): void;
  /** Counts a batch of the group commit that is on stable storage. */
  batch(writes: number, seconds: number): void;
  /** The same service with its operations counted by their outcome. */
  counted(service: DiskService): DiskService;
  /** Registers the metrics that are read from the parts of the service. Call once. */
  observe(observed: Observed): void;
  readonly contentType: string;
  /** All metrics in the text format of Prometheus. */
  text(): Promise<string>;
}

/** Values of the label `operation` that differ from the method's name: dashboards know them. */
const LABELS: Readonly<Record<string, string>> = {
  delete: 'remove',
  resize: 'grow',
} satisfies Partial<Record<keyof DiskService, string>>;

/** The metrics of the service and of its Node.js process, in a registry of their own. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const countRequest = createRequestMetrics(registry);
  const operations = new Counter({
    name: 'pdisk_operations_total',
    help: 'Operations on disks that have ended, by kind and outcome: done, or an error code.',
    labelNames: ['operation', 'outcome'] as const,
    registers,
  });
  const batchWrites = new Histogram({
    name: 'pdisk_journal_batch_writes',
    help: 'Keys written by one batch of the journal.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
    registers,
  });
  const syncs = new Histogram({
    name: 'pdisk_journal_sync_duration_seconds',
    help: 'Time until a batch of the journal is on stable storage.',
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
    registers,
  });

  function observe({ disks, hypervisor, pool, fullness, log, audit, streams }: Observed): void {
    const gauge = (name: string, help: string, value: () => number): void => {
      const metric: Gauge = new Gauge({ name, help, registers, collect: () => metric.set(value()) });
    };
    const by = (
      label: string,
      name: string,
      help: string,
      counts: () => ReadonlyMap<string, number>,
    ): void => {
      const metric: Gauge = new Gauge({
        name,
        help,
        labelNames: [label],
        registers,
        collect() {
          metric.reset();
          for (const [value, count] of counts()) metric.set({ [label]: value }, count);
        },
      });
    };
    by('state', 'pdisk_disks', 'Disks, by state.', () => disks().disks);
    by('state', 'pdisk_attachments', 'Attachments, by state.', () => disks().attachments);
    by(
      'kind',
      'pdisk_drift',
      'Differences between records, pool and domains when they were last compared, by kind.',
      () => disks().drift,
    );
    gauge(
      'pdisk_leftover_volumes',
      'Volumes that belong to no disk.',
      () => disks().drift.get('leftover') ?? 0,
    );
    const waits: Gauge<'for'> = new Gauge({
      name: 'pdisk_oldest_wait_seconds',
      help: 'How long that has waited which waits longest for the pool, a node or a guest; 0 where nothing waits.',
      labelNames: ['for'] as const,
      registers,
      collect() {
        const since = disks().waitingSince;
        for (const whom of ['pool', 'node', 'guest', 'person'] as const) {
          const begun = since.get(whom);
          waits.set({ for: whom }, begun === undefined ? 0 : Math.max(0, (Date.now() - begun) / 1000));
        }
      },
    });
    gauge('pdisk_pool_promised_bytes', 'Size of all disks together.', () => disks().promisedGiB * GIB);
    const promisable: Gauge = new Gauge({
      name: 'pdisk_pool_promisable_bytes',
      help: 'How much may be promised to disks in all; missing while the pool does not tell.',
      registers,
      async collect() {
        promisable.reset();
        const bytes = await pool.promisableBytes().catch(() => Number.NaN);
        promisable.set(bytes);
      },
    });
    const used: Gauge<'what'> = new Gauge({
      name: 'pdisk_pool_used_ratio',
      help: 'How full the pool was when it was last looked at, 0 to 1, where it can run full under a guest.',
      labelNames: ['what'] as const,
      registers,
      collect() {
        used.reset();
        for (const { what, percent } of fullness()) used.set({ what }, percent / 100);
      },
    });
    const certificates: Gauge<'node'> = new Gauge({
      name: 'pdisk_node_certificate_expiry_timestamp_seconds',
      help: 'When the client certificate for a node that is reached by TLS expires; NaN if it cannot be used.',
      labelNames: ['node'] as const,
      registers,
      async collect() {
        const expiries = await hypervisor.certificateExpiries();
        certificates.reset();
        for (const [node, at] of expiries) certificates.set({ node: hypervisor.hostOf(node) }, at / 1000);
      },
    });
    const nodes: Gauge<'node'> = new Gauge({
      name: 'pdisk_node_up',
      help: 'Whether a node that is linked can be reached.',
      labelNames: ['node'] as const,
      registers,
      collect() {
        nodes.reset();
        for (const { node, state } of hypervisor.status()) {
          nodes.set({ node: hypervisor.hostOf(node) }, state === 'up' ? 1 : 0);
        }
      },
    });
    gauge('pdisk_event_newest_sequence', 'Sequence of the newest event.', log.newest);
    gauge('pdisk_event_oldest_sequence', 'Sequence of the oldest event in the log.', log.oldest);
    gauge('pdisk_audit_newest_sequence', 'Sequence of the newest entry of the audit.', audit.newest);
    gauge('pdisk_audit_oldest_sequence', 'Sequence of the oldest entry of the audit.', audit.oldest);
    const counted: Counter = new Counter({
      name: 'pdisk_audit_counted_total',
      help: 'Refused requests and logins that the audit has counted instead of writing an entry for each.',
      registers,
      collect() {
        counted.reset();
        counted.inc(audit.figures().counted);
      },
    });
    gauge('pdisk_event_streams', 'Event streams that are open.', () => streams.figures().streams);
    gauge(
      'pdisk_event_stream_lag_events',
      'How many events the stream that is furthest behind has yet to be sent.',
      () => streams.figures().lag,
    );
    const replays: Counter = new Counter({
      name: 'pdisk_event_replays_total',
      help: 'Event streams that began in the past.',
      registers,
      collect() {
        replays.reset();
        replays.inc(streams.figures().replays);
      },
    });
  }

  /** The operations are the methods that return a promise. */
  function counted(service: DiskService): DiskService {
    const methods = Object.entries(service).map(([name, method]) => {
      const operation = LABELS[name] ?? name;
      const count = (outcome: string): void => operations.inc({ operation, outcome });
      const measured = (...args: unknown[]): unknown => {
        const result: unknown = Reflect.apply(method, service, args);
        if (result instanceof Promise) {
          result.then(
            () => count('done'),
            error => count(error instanceof PdiskError ? error.code : 'INTERNAL'),
          );
        }
        return result;
      };
      return [name, measured];
    });
    return Object.fromEntries(methods) as DiskService;
  }

  return {
    request: countRequest,
    batch(writes, seconds) {
      batchWrites.observe(writes);
      syncs.observe(seconds);
    },
    counted,
    observe,
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}
