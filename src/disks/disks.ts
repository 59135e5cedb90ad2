import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Quota } from '../../machines/disk-events.ts';
import type { Timeouts } from '../../machines/stamp.ts';
import type { Caller } from '../accounts/caller.ts';
import { reasonOf } from '../errors.ts';
import { sameSource } from '../hypervisor/disk-xml.ts';
import type { Hypervisor } from '../hypervisor/hypervisor.ts';
import { birthOf } from '../storage/birth.ts';
import type { Pool } from '../storage/pool.ts';
import { prefixes } from '../store/keys.ts';
import { type EventRecord, recordSchemas } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { createEffects, GRACE_MS } from './actors/effects.ts';
import { resume, usedNodes } from './actors/recovery.ts';
import type { Inspect } from './actors/step.ts';
import { createActorSystem } from './actors/system.ts';
import type { DriftKind } from './drift/drift-kinds.ts';
import { type DriftNews, type DriftService, watchDrift } from './drift/drift-watch.ts';
import { watchVolumes } from './drift/volumes.ts';
import { loadIndexes } from './records/load.ts';
import type { ChartService, DiskService, NodeService, Waiting } from './service.ts';
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
import { createFinder } from './vms/finder.ts';
import { createHolders } from './vms/holders.ts';
import { createHosts } from './vms/hosts.ts';
import { watchNodes } from './vms/node-watch.ts';
import { createObserver } from './vms/observer.ts';
import { createReconciler } from './vms/reconciler.ts';
import { createStrays } from './vms/strays.ts';

/** How long a node may take to answer a question, in milliseconds. */
const QUESTION_MS = 10_000;
/** How long the first request waits for what was interrupted to come to rest, in milliseconds. */
const RECOVERY_MS = 5_000;
const SWEEP_MS = 250;
/** How long the wiping of one piece of a volume may take, its wait for others' pieces included, in milliseconds. */
const WIPING_MS = 3_600_000;
/** libvirtd does not know all its domains for a moment after its own restart. */
const SETTLING_MS = 5_000;
/** How long a machine's death may be claimed by a detach: 24 h. */
const CLAIM_MS = 86_400_000;

export interface DisksParts {
  readonly store: Store;
  readonly pool: Pool;
  readonly hypervisor: Hypervisor;
  readonly log: Logger;
  /** The steady clock, for deadlines. */
  readonly now: () => number;
  /** The system's clock, for what people read. */
  readonly time: () => number;
  readonly newUuid: () => string;
  readonly newId: () => string;
  /** What an account may have. */
  readonly quotaOf: (account: string) => Quota;
  /** The account that has this name now, undefined where none has. */
  readonly accountNamed: (name: string) => NamedAccount | undefined;
  /** Told of the changes of every step, in order of their sequence, after they are on disk and readers see them. */
  readonly publish: (events: readonly EventRecord[]) => void;
  /** Whether a caller's account stands as it did when the request was taken. */
  readonly stands: (caller: Caller) => boolean;
  /** Undefined: nobody inspects the actors. */
  readonly inspect?: Inspect | undefined;
  /** Told of a fault in pdisk itself: the process must end. */
  readonly fault: (error: Error) => void;
  readonly settings: {
    readonly userLimit: number;
    readonly vmAccess: 'any' | 'service';
    readonly attachTimeoutMs: number;
    readonly detachTimeoutMs: number;
    readonly createTimeoutMs: number;
    readonly deleteTimeoutMs: number;
    readonly reconcileIntervalMs: number;
    /** How old a connection must be for what is not shown on it to prove anything: 5 s, the default, but in tests. */
    readonly settlingMs?: number;
    /** How long a node may take to answer a question: 10 s, the default, but in tests. */
    readonly questionMs?: number;
  };
}

/** How much there is, as readers see it. */
export interface DiskFigures {
  /** By state. */
  readonly disks: ReadonlyMap<string, number>;
  /** By state. */
  readonly attachments: ReadonlyMap<string, number>;
  readonly promisedGiB: number;
  /** Differences between records, pool and domains, by kind, as last seen. */
  readonly drift: ReadonlyMap<DriftKind, number>;
  /** Since when those wait that wait longest, by whom they wait for, in milliseconds since 1970. */
  readonly waitingSince: ReadonlyMap<Waiting['for'], number>;
}

export interface Disks {
  readonly service: DiskService;
  readonly nodes: NodeService;
  readonly charts: ChartService;
  readonly leftovers: LeftoverService;
  readonly drift: DriftService;
  /** Tells a listener what differs between records, pool and domains, and from then on what comes and goes. */
  tellDrift(listener: (news: DriftNews) => void): void;
  /** Resumes what was interrupted and begins to watch; to be awaited before the first request is taken. */
  recover(): Promise<void>;
  figures(): DiskFigures;
  /** Takes no more changes, and resolves when nothing is at work any more. What was interrupted is resumed at the next start. */
  stop(): Promise<void>;
}

/** The disks and attachments of one store, alive. */
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
  const { decided, committed } = await loadIndexes(store, parts.hypervisor.nodeKey);
  const hosts = createHosts(store, await store.load(prefixes.node, recordSchemas.node), parts.hypervisor);
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
  const finder = createFinder({ ...base, settlingMs });
  const system = createActorSystem({
    journal: store,
    effects: createEffects({
      ...base,
      pool,
      finder,
      machineOf: attachment => decided.attachment(attachment)?.context.vm,
      doubt: node => reconciler.doubt(node),
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
  const common = { ...base, system, finder, holders, definitions };
  const strays = createStrays({ ...common, newId: parts.newId, unplugMs: settings.detachTimeoutMs });
  const burying = createDeadNodes(common);
  const observer = createObserver({ ...common, strays });
  const reconciler = createReconciler({ ...common, observer });
  const volumes = watchVolumes({
    pool,
    bornMs: uuid => birthOf(pool.source(uuid)),
    journal: store,
    decided,
    known: await store.load(prefixes.leftover, recordSchemas.leftover),
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
  const nodes = createNodeService({ ...common, burying, reconciler, time: parts.time });
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
    async recover() {
      await pool.begin([...decided.disks()].length > 0);
      unwatch = watchNodes({ ...common, observer, reconciler, strays });
      for (const node of new Set([...hosts.all(), ...usedNodes(decided)])) hypervisor.link(node);
      const settled = resume(system, decided, log);
      await Promise.race([settled, delay(RECOVERY_MS)]);
      void burying.goOn().catch(error => log.warn({ error: reasonOf(error) }, 'dead nodes not gone through'));
      void drift.pass();
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
      finder.stop();
      strays.stop();
      await Promise.all([reconciler.stop(), volumes.stop(), system.stop(), tidying.stop()]);
    },
  };
}
