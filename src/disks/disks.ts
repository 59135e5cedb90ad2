import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Quota } from '../../machines/disk-events.ts';
import type { Patience } from '../../machines/stamp.ts';
import type { Hypervisor } from '../hypervisor/hypervisor.ts';
import type { Pool } from '../storage/pool.ts';
import { prefixes } from '../store/keys.ts';
import { codecs, type EventRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { createAlarms } from './alarms.ts';
import { createDiskService } from './disk-service.ts';
import { createEffects, GRACE_MS } from './effects.ts';
import { inspecting } from './inspecting.ts';
import { createLeftovers } from './leftovers.ts';
import { loadShelves } from './load.ts';
import { createNodeService } from './node-service.ts';
import { createReconciler } from './reconcile.ts';
import { hotNodes, resume } from './recovery.ts';
import type { Caller, ChartService, DiskService, NodeService, Waiting } from './service.ts';
import type { Inspect } from './step.ts';
import { createActorSystem } from './system.ts';
import { watchNodes } from './watch.ts';

/** How long a node may take to answer a question, in milliseconds. */
const QUESTION_MS = 10_000;
/** How long the first request waits for what was interrupted to come to rest, in milliseconds. */
const RECOVERY_MS = 5_000;
const SWEEP_MS = 250;
/** How long the wiping of one piece of a volume may take, its wait for others' pieces included, in milliseconds. */
const WIPING_MS = 3_600_000;
/** libvirtd does not know all its domains for a moment after its own restart. */
const PROOF_MS = 5_000;
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
    /** How long a volume without a disk is kept. */
    readonly leftoverGraceMs: number;
    /** How far apart the two lists are that prove a machine's death: 5 s, the default, but in tests. */
    readonly proofMs?: number;
  };
}

/** How much there is, as readers see it. */
export interface DiskFigures {
  /** By state. */
  readonly disks: ReadonlyMap<string, number>;
  /** By state. */
  readonly attachments: ReadonlyMap<string, number>;
  readonly promisedGiB: number;
  /** Since when those wait that wait longest, by whom they wait for, in milliseconds since 1970. */
  readonly waitingSince: ReadonlyMap<Waiting['for'], number>;
}

export interface Disks {
  readonly service: DiskService;
  readonly nodes: NodeService;
  readonly charts: ChartService;
  /** Resumes what was interrupted and begins to watch; to be awaited before the first request is taken. */
  recover(): Promise<void>;
  figures(): DiskFigures;
  /** Takes no more changes, and resolves when nothing is at work any more. What was interrupted is resumed at the next start. */
  stop(): Promise<void>;
}

/** The disks and attachments of one store, alive. */
export async function createDisks(parts: DisksParts): Promise<Disks> {
  const { store, pool, hypervisor, log, now, settings } = parts;
  const patience: Patience = {
    creating: settings.createTimeoutMs,
    deleting: settings.deleteTimeoutMs,
    growing: settings.createTimeoutMs + GRACE_MS,
    wiping: WIPING_MS,
    attaching: settings.attachTimeoutMs + GRACE_MS,
    detaching: settings.detachTimeoutMs + GRACE_MS,
    claiming: CLAIM_MS,
  };
  const { decided, committed } = await loadShelves(store, hypervisor.nodeKey);
  const alarms = createAlarms(store, await store.load(prefixes.node, codecs.node), (node, text) =>
    log.error({ node }, `${text}; nothing is released there until an administrator agrees`),
  );
  const system = createActorSystem({
    journal: store,
    effects: createEffects(pool, hypervisor, node => reconciler.doubt(node), log),
    decided,
    committed,
    lastSequence: (await store.eventRange()).newest,
    patience,
    now,
    time: parts.time,
    inspect: parts.inspect,
    publish: parts.publish,
    fault: parts.fault,
  });
  const common = { system, decided, hypervisor, alarms, log, now, questionMs: QUESTION_MS };
  const reconciler = createReconciler({ ...common, proofMs: settings.proofMs ?? PROOF_MS });
  const leftovers = createLeftovers({
    ...common,
    pool,
    journal: store,
    known: await store.load(prefixes.leftover, codecs.leftover),
    graceMs: settings.leftoverGraceMs,
  });
  const service = createDiskService({
    ...common,
    ...parts,
    committed,
    fate: async vm => {
      const fate = await hypervisor.fate(vm, now() + 2 * QUESTION_MS);
      const doubt = await reconciler.doubt(vm.node);
      if (doubt !== undefined) return { fate: 'unknown', doubt };
      return { fate, doubt: 'its node, or another that may run it, does not answer' };
    },
    userLimit: settings.userLimit,
    vmAccess: settings.vmAccess,
  });
  const timers: NodeJS.Timeout[] = [];
  let unwatch = (): void => {};

  return {
    service,
    nodes: createNodeService({ hypervisor, alarms, reconciler }),
    charts: inspecting({ ...parts, committed, patience }),
    async recover() {
      await pool.begin([...decided.disks()].length > 0);
      unwatch = watchNodes({ ...common, reconciler, unplugMs: settings.detachTimeoutMs });
      for (const node of [...hypervisor.namedNodes(), ...hotNodes(decided)]) hypervisor.link(node);
      const settled = resume(system, decided, log);
      await Promise.race([settled, delay(RECOVERY_MS)]);
      void leftovers.report();
      timers.push(setInterval(system.sweep, SWEEP_MS));
      timers.push(setInterval(() => void reconciler.passAll(), settings.reconcileIntervalMs));
      timers.push(setInterval(() => void leftovers.pass(), settings.reconcileIntervalMs));
    },
    figures: () => ({
      ...committed.counts(),
      promisedGiB: committed.promisedGiB(),
      waitingSince: system.waitingSince(),
    }),
    async stop() {
      for (const timer of timers) clearInterval(timer);
      unwatch();
      await Promise.all([reconciler.stop(), leftovers.stop(), system.stop()]);
    },
  };
}
