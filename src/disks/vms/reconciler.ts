import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Vm } from '../../../machines/vm.ts';
import type { VmLocation } from '../../../machines/vm-location.ts';
import { reasonOf } from '../../errors.ts';
import type { DomainList, DomainName, Hypervisor } from '../../hypervisor/hypervisor.ts';
import { createLatch, type Latch } from '../../lib/latch.ts';
import type { RecordIndex } from '../records/record-index.ts';
import { isHeld, isPlugged, type StoredAttachment } from '../records/records.ts';
import type { Alarms } from './alarms.ts';
import type { DefinitionBook } from './definitions.ts';
import type { HolderBook } from './holders.ts';
import type { Observation, Observer } from './observer.ts';
import type { VmLocator } from './vm-locator.ts';

/** What the reconciler needs. */
export interface ReconcilerParts {
  readonly decided: RecordIndex;
  readonly hypervisor: Hypervisor;
  readonly alarms: Alarms;
  readonly locator: VmLocator;
  readonly holders: HolderBook;
  readonly definitions: DefinitionBook;
  readonly observer: Observer;
  readonly log: Logger;
  readonly now: () => number;
}

/** Reconciliation of attachments with what nodes report. */
export interface Reconciler {
  /**
   * To be called for a new connection of a node: neither the host that answers on it nor the state of its VMs
   * is known yet. `generation`: the number of the connection.
   */
  linked(node: string, generation: number): void;
  /** The number of the node's newest connection; 0: there was none yet. */
  connectionOf(node: string): number;
  /**
   * Why a node's reports are not believed; undefined: they are. Waits until the host on the present
   * connection is identified: another host may answer under the node's name, and it knows nothing of the VMs.
   */
  doubt(node: string): Promise<string | undefined>;
  /**
   * Compares a node's attachments with its VMs as they are at the time of the call or later. Passes over one
   * node never overlap. Never rejects.
   */
  pass(node: string): Promise<void>;
  /** Runs a pass over every linked node and every configured node with an attachment. */
  passAll(): Promise<void>;
  /**
   * Resolves when the VMs of every linked node have been inspected once, or could not be; at the deadline at
   * the latest, in milliseconds since 1970.
   */
  ready(deadline: number): Promise<void>;
  /** Ends reconciliation. Resolves when no pass is in progress. */
  stop(): Promise<void>;
}

/** How long after the start `ready` waits for nodes that are being linked, in milliseconds. */
const FIRST_LINKS_MS = 3_000;
const LINKING_MS = 20;

/** How many VMs of one node are inspected in parallel. */
const MAX_PARALLEL_LOOKS = 4;

/** An attachment, and where its VM was found. */
type Fact = readonly [attachment: StoredAttachment, found: VmLocation];

/** Reconciliation: compares records with live domains, and sends what differs to the attachments. */
export function createReconciler(parts: ReconcilerParts): Reconciler {
  const { decided, hypervisor, alarms, locator, holders, definitions, observer, log, now } = parts;
  const passes = new Map<string, Promise<void>>();
  const wanted = new Set<string>();
  let stopped = false;
  /** The number of each node's newest connection, and of the newest whose host was identified. */
  const connections = new Map<string, number>();
  const looked = new Map<string, number>();
  /**
   * For each node's newest connection, a latch that opens when its VMs have been inspected, or could not be.
   */
  const firstLooks = new Map<string, Latch>();
  /**
   * Nodes whose last pass failed: only the first failure and the recovery are logged, not every pass between
   * them.
   */
  const silent = new Set<string>();

  const begun = now();

  /** Whether the first attempt to link a node is still in progress. */
  const isLinking = (): boolean =>
    hypervisor.status().some(({ state, error }) => state === 'connecting' && error === undefined);

  const connectionOf = (node: string): number => connections.get(node) ?? 0;

  const isNew = (node: string): boolean => (looked.get(node) ?? 0) < connectionOf(node);

  /** The node's attachments with a known domain. Others get theirs when a domain is seen with the disk. */
  const followed = (node: string): StoredAttachment[] =>
    decided.attachmentsOn(node).filter(one => isHeld(one) && one.context.vm.domain !== null);

  async function compare(node: string): Promise<void> {
    const before = holders.looks();
    const list = await locator.listDomains(node);
    looked.set(node, list.generation);
    const observations = await observe(node, list);
    const active = new Set(list.domains.filter(one => one.active).map(one => one.uuid));
    holders.keepOnly(node, active, before);
    definitions.keepOnly(node, new Set(list.domains.map(({ uuid }) => uuid)));
    holders.looked(node, null);
    firstLooks.get(node)?.open();
    const suspects = followed(node).filter(({ context }) => !active.has(context.vm.domain ?? ''));
    const missing = await findAll(suspects);
    alarms.checkReleases(node, lossesIn(observations, missing), followed(node).length);
    const alarm = alarms.of(node) ?? null;
    for (const observation of observations) await observer.report(observation, alarm);
    await report(missing, alarm);
  }

  /** Sends the facts. An attachment that has changed since the search is left to the next pass. */
  async function report(facts: readonly Fact[], alarm: string | null): Promise<void> {
    for (const [one, found] of facts) {
      if (decided.attachment(one.context.id) !== one) continue;
      await observer.tell(one, { type: 'FOUND', found, alarm }, 'reconciliation');
    }
  }

  /** Inspects all domains of a node. A domain that cannot be read does not stop the others. */
  async function observe(node: string, { domains }: DomainList): Promise<Observation[]> {
    // Running domains first; those that do not run are inspected for their definitions only.
    const waiting = [...domains.filter(one => one.active), ...domains.filter(one => !one.active)];
    const observations: Observation[] = [];
    const work = async (): Promise<void> => {
      for (let domain = waiting.shift(); domain && !stopped; domain = waiting.shift()) {
        const observation = await lookAt(node, domain);
        if (observation) observations.push(observation);
      }
    };
    await Promise.all(Array.from({ length: MAX_PARALLEL_LOOKS }, work));
    return observations;
  }

  const lookAt = (node: string, domain: DomainName): Promise<Observation | undefined> =>
    observer.look(node, domain).catch(error => {
      if (!stopped) log.warn({ ...factsOf(node, error), domain: domain.uuid }, 'VM not read');
      return undefined;
    });

  /** Attachments of one VM share one search. */
  async function findAll(attachments: readonly StoredAttachment[]): Promise<Fact[]> {
    const searches = new Map<string, Promise<VmLocation>>();
    const find = (vm: Vm): Promise<VmLocation> => {
      const key = vm.domain ?? '';
      const search = searches.get(key) ?? locator.find(vm);
      searches.set(key, search);
      return search;
    };
    return Promise.all(attachments.map(async one => [one, await find(one.context.vm)] as const));
  }

  /** How many attachments this pass would release. */
  function lossesIn(observations: readonly Observation[], missing: readonly Fact[]): number {
    const gone = missing.filter(([, found]) => found.at === 'nowhere' && found.end !== null);
    const off = observations.flatMap(observation => {
      const { look } = observation;
      if (look.kind !== 'running') return [];
      const there = new Set(look.disks.map(({ disk }) => disk));
      const plugged = observer.attachmentsIn(observation).filter(isPlugged);
      return plugged.filter(({ context }) => !there.has(context.disk));
    });
    return gone.length + off.length;
  }

  const factsOf = (node: string, error: unknown) => ({
    node: hypervisor.hostOf(node),
    error: reasonOf(error),
  });

  async function run(node: string): Promise<void> {
    try {
      await compare(node);
      if (silent.delete(node)) log.info({ node: hypervisor.hostOf(node) }, 'node reconciled again');
    } catch (error) {
      if (stopped) return;
      holders.looked(node, reasonOf(error));
      firstLooks.get(node)?.open();
      if (!silent.has(node)) log.warn(factsOf(node, error), 'node not reconciled');
      silent.add(node);
      await lookElsewhere(node).catch(why => log.warn(factsOf(node, why), 'VMs not looked for'));
    }
  }

  /** A VM of a node that does not answer may be found on another node. If it is not, nothing new is known. */
  async function lookElsewhere(node: string): Promise<void> {
    const facts = await findAll(followed(node));
    const moved = facts.filter(([, found]) => found.at === 'running' && found.vm.node !== node);
    await report(moved, alarms.of(node) ?? null);
  }

  async function runAgain(node: string): Promise<void> {
    do {
      wanted.delete(node);
      await run(node);
    } while (wanted.has(node) && !stopped);
    passes.delete(node);
  }

  function pass(node: string): Promise<void> {
    const last = passes.get(node);
    if (last) {
      wanted.add(node);
      return last;
    }
    const running = runAgain(node);
    passes.set(node, running);
    return running;
  }

  async function passAll(): Promise<void> {
    const holding = [...new Set([...decided.attachments()].filter(isHeld).map(one => one.context.vm.node))];
    const nodes = [...hypervisor.linkedNodes(), ...holding.filter(hypervisor.isConfigured)];
    await Promise.all([...new Set(nodes)].map(pass));
  }

  return {
    linked(node, generation) {
      connections.set(node, generation);
      firstLooks.get(node)?.open();
      firstLooks.set(node, createLatch());
      void pass(node);
    },
    connectionOf,
    async doubt(node) {
      if (isNew(node)) await pass(node);
      const alarm = alarms.ofHost(node);
      return isNew(node) ? (alarm ?? 'it has not told which host it is since it was linked') : alarm;
    },
    pass,
    passAll,
    async ready(deadline) {
      while (isLinking() && now() < Math.min(deadline, begun + FIRST_LINKS_MS)) await delay(LINKING_MS);
      const waited = [...firstLooks.values()].filter(({ isOpen }) => !isOpen());
      if (waited.length === 0) return;
      const limit = new AbortController();
      const all = Promise.all(waited.map(({ opened }) => opened));
      const late = delay(Math.max(0, deadline - now()), undefined, { signal: limit.signal });
      await Promise.race([all, late]);
      limit.abort();
      await late.catch(() => {});
    },
    async stop() {
      stopped = true;
      await Promise.all(passes.values());
    },
  };
}
