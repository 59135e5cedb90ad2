import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Quota } from '../../machines/disk-events.ts';
import type { Timeouts } from '../../machines/stamp.ts';
import type { Caller } from '../accounts/caller.ts';
import { reasonOf } from '../errors.ts';
import { sameSource } from '../hypervisor/disk-xml.ts';
import type { Hypervisor } from '../hypervisor/hypervisor.ts';
import { birthOf } from '../storage/birth.ts';
import type { Labels } from '../storage/label.ts';
import type { Pool } from '../storage/pool.ts';
import { type EventRecord, kinds } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { createEffects, GRACE_MS } from './actors/effects.ts';
import { resume, usedNodes } from './actors/recovery.ts';
import type { Inspect } from './actors/step.ts';
import { createActorSystem } from './actors/system.ts';
import type { DriftKind } from './drift/drift-kinds.ts';
import { type DriftNews, type DriftService, watchDrift } from './drift/drift-watch.ts';
import { watchVolumes } from './drift/volumes.ts';
import { createExplainService } from './explain/explain-service.ts';
import { labelling, labelsOf } from './records/labels.ts';
import { loadIndexes } from './records/load.ts';
import { isWaiting } from './records/records.ts';
import type { ChartService, DiskService, ExplainService, NodeService, Waiting } from './service.ts';
import { createChartService } from './services/chart-service.ts';
import { createDiskService } from './services/disk-service.ts';
import {
  createLeftoverService,
  type LeftoverService,
  type NamedAccount,
} from './services/leftover-service.ts';
import { createNodeService } from './services/node-service.ts';
import { createAlarms } from './vms/alarms.ts';
import { createDeadNodes } from './vms/dead-nodes.ts';
import { createDefinitionBook, createTidying } from './vms/definitions.ts';
import { createHolders } from './vms/holders.ts';
import { createHosts } from './vms/hosts.ts';
import { watchNodes } from './vms/node-watch.ts';
import { createObserver } from './vms/observer.ts';
import { createReconciler } from './vms/reconciler.ts';
import { createStrays } from './vms/strays.ts';
import { createVmLocator } from './vms/vm-locator.ts';

/** How long a node may take to answer a question, in milliseconds. */
const QUESTION_MS = 10_000;
/** How long the first request waits for interrupted actors to come to rest, in milliseconds. */
const RECOVERY_MS = 5_000;
const SWEEP_MS = 250;
/**
 * How long wiping one piece of a volume may take, including its wait for other volumes' pieces, in
 * milliseconds.
 */
const WIPING_MS = 3_600_000;
/**
 * How old a connection must be before a domain's absence counts, in milliseconds: after its own restart
 * libvirtd does not know all its domains at once.
 */
const SETTLING_MS = 5_000;
/** How long a detach call for a dead VM still succeeds: 24 h, in milliseconds. */
const CLAIM_MS = 86_400_000;

/** What `createDisks` needs. */
export interface DisksParts {
  readonly store: Store;
  readonly pool: Pool;
  readonly hypervisor: Hypervisor;
  /** Where the pool keeps the labels of its disks; undefined: nowhere. */
  readonly labels?: Labels | undefined;
  readonly log: Logger;
  /** The monotonic clock, for deadlines, in milliseconds since 1970. */
  readonly now: () => number;
  /** The system's clock, for timestamps that people read, in milliseconds since 1970. */
  readonly time: () => number;
  readonly newUuid: () => string;
  readonly newId: () => string;
  /** The quota of an account; infinite where it has none. */
  readonly quotaOf: (account: string) => Quota;
  /** The account with this name, undefined if there is none. */
  readonly accountNamed: (name: string) => NamedAccount | undefined;
  /**
   * Called with the events of every step, in order of their sequence numbers, after they are on disk and
   * visible to readers.
   */
  readonly publish: (events: readonly EventRecord[]) => void;
  /** Whether the caller's account is unchanged since its credentials were verified. */
  readonly stands: (caller: Caller) => boolean;
  /** Undefined: the actors are not inspected. */
  readonly inspect?: Inspect | undefined;
  /** Called with a bug in pdisk itself: the process must end. */
  readonly fault: (error: Error) => void;
  readonly settings: {
    readonly userLimit: number;
    readonly vmAccess: 'any' | 'service';
    readonly attachTimeoutMs: number;
    readonly detachTimeoutMs: number;
    readonly createTimeoutMs: number;
    readonly deleteTimeoutMs: number;
    readonly reconcileIntervalMs: number;
    /** See `SETTLING_MS`, the default. Only tests set it. */
    readonly settlingMs?: number;
    /** See `QUESTION_MS`, the default. Only tests set it. */
    readonly questionMs?: number;
  };
}

/** Gauges of the metrics, from what is committed. */
export interface DiskFigures {
  /** By state. */
  readonly disks: ReadonlyMap<string, number>;
  /** By state. */
  readonly attachments: ReadonlyMap<string, number>;
  /** The total size of all disks, in GiB. */
  readonly promisedGiB: number;
  /** Number of differences between records, pool and domains, by kind, at the last comparison. */
  readonly drift: ReadonlyMap<DriftKind, number>;
  /** When the longest present wait for each party began, in milliseconds since 1970. */
  readonly waitingSince: ReadonlyMap<Waiting['for'], number>;
}

/** Everything that works on the disks and attachments of one store, as `src/main.ts` uses it. */
export interface Disks {
  readonly service: DiskService;
  readonly nodes: NodeService;
  readonly charts: ChartService;
  readonly explain: ExplainService;
  readonly leftovers: LeftoverService;
  readonly drift: DriftService;
  /**
   * Calls the listener with the present differences between records, pool and domains, and from then on with
   * every change of them.
   */
  tellDrift(listener: (news: DriftNews) => void): void;
  /**
   * Resumes interrupted actors and begins to watch nodes and pool. To be awaited before the first request is
   * accepted. Throws POOL_UNAVAILABLE, and the reason of `end` where that is aborted before.
   */
  recover(end?: AbortSignal): Promise<void>;
  /** The gauges of the metrics as they are now. */
  figures(): DiskFigures;
  /**
   * Accepts no more changes, and resolves when no work is in progress. Interrupted actors are resumed at the
   * next start.
   */
  stop(): Promise<void>;
}

/**
 * Composes everything that works on the disks and attachments of one store: actors, node watchers, services.
 */
export async function createDisks(parts: DisksParts): Promise<Disks> {
  const { store, pool, log, now, settings } = parts;
  const timeouts: Timeouts = {
    creating: settings.createTimeoutMs,
    deleting: settings.deleteTimeoutMs,
    growing: settings.createTimeoutMs + GRACE_MS,
    wiping: WIPING_MS,
    attaching: settings.attachTimeoutMs + GRACE_MS,
    detaching: settings.detachTimeoutMs + GRACE_MS,
    claiming: CLAIM_MS,
  };
  const { decided, committed: plain } = await loadIndexes(store, parts.hypervisor.nodeKey);
  const { labels } = parts;
  const committed = labels ? labelling(plain, labels) : plain;
  const hosts = createHosts(store, await store.load(kinds.node), parts.hypervisor);
  const alarms = createAlarms(hosts, store.commit, (node, text) =>
    log.error(
      { node: parts.hypervisor.hostOf(node) },
      `${text}; nothing is released there until an administrator agrees`,
    ),
  );
  const { settlingMs = SETTLING_MS, questionMs = QUESTION_MS } = settings;
  const tidying = createTidying({ ...parts, decided, alarms, questionMs });
  const hypervisor: Hypervisor = { ...parts.hypervisor, look: tidying.look };
  const definitions = createDefinitionBook();
  const base = { decided, hypervisor, hosts, alarms, log, now, questionMs };
  const locator = createVmLocator({ ...base, definitions, settlingMs });
  const system = createActorSystem({
    groupCommit: store,
    effects: createEffects({
      ...base,
      pool,
      locator,
      vmOf: attachment => decided.attachment(attachment)?.context.vm,
      doubt: node => reconciler.doubt(node),
      inspected: domain => observer.inspected(domain),
    }),
    decided,
    committed,
    lastSequence: (await store.eventRange()).newest,
    timeouts,
    now,
    time: parts.time,
    inspect: parts.inspect,
    publish: parts.publish,
    fault: parts.fault,
  });
  const holders = createHolders({
    isKnown: disk => decided.disk(disk) !== undefined,
    isDiverted: (disk, source) => !sameSource(source, pool.source(disk).path),
    ready: deadline => reconciler.ready(deadline),
  });
  const common = { ...base, system, locator, holders, definitions };
  const strays = createStrays({ ...common, newId: parts.newId, unplugMs: settings.detachTimeoutMs });
  const deadNodes = createDeadNodes({
    ...common,
    connectionOf: node => reconciler.connectionOf(node),
  });
  const observer = createObserver({ ...common, strays });
  const reconciler = createReconciler({ ...common, observer });
  const volumes = watchVolumes({
    pool,
    bornMs: uuid => birthOf(pool.source(uuid)),
    groupCommit: store,
    decided,
    known: await store.load(kinds.leftover),
    time: parts.time,
  });
  const service = createDiskService({
    ...parts,
    ...common,
    committed,
    strays,
    userLimit: settings.userLimit,
    vmAccess: settings.vmAccess,
  });
  const nodes = createNodeService({ ...common, deadNodes, reconciler, time: parts.time });
  const drift = watchDrift({
    ...common,
    volumes,
    holders,
    time: parts.time,
    truths: () => ({
      nodes: nodes.list({ account: '', role: 'service' }),
      keyOf: hypervisor.nodeKey,
      nameOf: hypervisor.hostOf,
    }),
  });
  const timers: NodeJS.Timeout[] = [];
  let unwatch = (): void => {};

  return {
    service,
    nodes,
    charts: createChartService({ ...parts, committed, timeouts }),
    explain: createExplainService({
      ...common,
      committed,
      waitSince: system.waitOf,
      time: parts.time,
      timeouts,
    }),
    leftovers: createLeftoverService({
      ...parts,
      ...common,
      userLimit: settings.userLimit,
      volumes,
      holders,
      lookAt: reconciler.pass,
    }),
    drift,
    tellDrift: drift.tell,
    async recover(end = new AbortController().signal) {
      await pool.begin([...decided.disks()].length > 0, end);
      end.throwIfAborted();
      unwatch = watchNodes({ ...common, observer, reconciler, strays });
      for (const node of new Set([...hosts.all(), ...usedNodes(decided)])) hypervisor.link(node);
      const settled = resume(system, decided, log);
      await Promise.race([settled, delay(RECOVERY_MS, undefined, { signal: end }).catch(() => {})]);
      end.throwIfAborted();
      void deadNodes
        .repeatAll()
        .catch(error => log.warn({ error: reasonOf(error) }, 'dead nodes not gone through'));
      void drift.pass();
      void labels?.begin(() => labelsOf(committed));
      timers.push(setInterval(system.sweep, SWEEP_MS));
      timers.push(setInterval(() => void reconciler.passAll(), settings.reconcileIntervalMs));
      timers.push(setInterval(() => void drift.pass(), settings.reconcileIntervalMs));
    },
    figures: () => ({
      ...committed.counts(),
      promisedGiB: committed.promisedGiB(),
      waitingSince: system.waitingSince(),
      drift: drift.counts(),
    }),
    async stop() {
      for (const timer of timers) clearInterval(timer);
      unwatch();
      locator.stop();
      strays.stop();
      await Promise.all([reconciler.stop(), volumes.stop(), system.stop(), tidying.stop()]);
      await labels?.close();
      const left = [...decided.disks(), ...decided.attachments()].filter(isWaiting).length;
      if (left > 0) log.info({ actors: left }, 'left for the next start');
    },
  };
}
