import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Vm } from '../../../machines/vm.ts';
import type { Whereabouts } from '../../../machines/whereabouts.ts';
import { reasonOf } from '../../errors.ts';
import type { DomainName, Hypervisor, Survey } from '../../hypervisor/hypervisor.ts';
import { createLatch, type Latch } from '../../lib/latch.ts';
import type { RecordIndex } from '../records/record-index.ts';
import { isHeld, isPlugged, type StoredAttachment } from '../records/records.ts';
import type { Alarms } from './alarms.ts';
import type { DefinitionBook } from './definitions.ts';
import type { Finder } from './finder.ts';
import type { HolderBook } from './holders.ts';
import type { Observation, Observer } from './observer.ts';

export interface ReconcilerParts {
  readonly decided: RecordIndex;
  readonly hypervisor: Hypervisor;
  readonly alarms: Alarms;
  readonly finder: Finder;
  readonly holders: HolderBook;
  readonly definitions: DefinitionBook;
  readonly observer: Observer;
  readonly log: Logger;
  readonly now: () => number;
}

export interface Reconciler {
  /** A node has a new connection: which host answers on it is not known, nor what its machines did meanwhile. */
  linked(node: string, generation: number): void;
  /**
   * Why nothing that a node tells is believed, or undefined. Waits until somebody has looked which host answers on its present
   * connection: another one may answer under its name, and knows nothing of the machines.
   */
  doubt(node: string): Promise<string | undefined>;
  /** Compares a node's attachments with its machines as they are from now on; passes on one node never overlap. Never rejects. */
  pass(node: string): Promise<void>;
  /** Every linked node, and every node that holds an attachment. */
  passAll(): Promise<void>;
  /** Resolves when the machines of every node that is linked have been looked at once, or could not be; at the deadline at the latest. */
  ready(deadline: number): Promise<void>;
  stop(): Promise<void>;
}

/** After the start, how long what needs to know all machines waits for nodes that are being linked, in milliseconds. */
const FIRST_LINKS_MS = 3_000;
const LINKING_MS = 20;

/** How many machines of one node are looked at side by side. */
const ABREAST = 4;

/** An attachment, and where its machine was found. */
type Fact = readonly [attachment: StoredAttachment, found: Whereabouts];

/** Holds records and live domains against each other. */
export function createReconciler(parts: ReconcilerParts): Reconciler {
  const { decided, hypervisor, alarms, finder, holders, definitions, observer, log, now } = parts;
  const passes = new Map<string, Promise<void>>();
  const wanted = new Set<string>();
  let stopped = false;
  /** The newest connection of each node, and the newest whose host was looked at. */
  const connections = new Map<string, number>();
  const looked = new Map<string, number>();
  /** Of each node's newest connection: whether its machines have been looked at, or could not be. */
  const firstLooks = new Map<string, Latch>();
  /** Nodes whose last pass failed: the log tells when that begins and when it ends, not each pass of a long night. */
  const silent = new Set<string>();

  const begun = now();

  /** Whether the first attempt to link a node is still at work. */
  const isLinking = (): boolean =>
    hypervisor.status().some(({ state, error }) => state === 'connecting' && error === undefined);

  const isNew = (node: string): boolean => (looked.get(node) ?? 0) < (connections.get(node) ?? 0);

  /** Those whose machine's domain is known: others are followed once a domain shows their disk. */
  const followed = (node: string): StoredAttachment[] =>
    decided.attachmentsOn(node).filter(one => isHeld(one) && one.context.vm.domain !== null);

  async function compare(node: string): Promise<void> {
    const before = holders.looks();
    const list = await finder.survey(node);
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

  /** What has changed since it was looked for is left for the next pass. */
  async function report(facts: readonly Fact[], alarm: string | null): Promise<void> {
    for (const [one, found] of facts) {
      if (decided.attachment(one.context.id) !== one) continue;
      await observer.tell(one, { type: 'FOUND', found, alarm }, 'reconciliation');
    }
  }

  /** One that cannot be read keeps no other from being looked at. */
  async function observe(node: string, { domains }: Survey): Promise<Observation[]> {
    // Those that do not run for their definitions' sake, and later.
    const waiting = [...domains.filter(one => one.active), ...domains.filter(one => !one.active)];
    const observations: Observation[] = [];
    const work = async (): Promise<void> => {
      for (let domain = waiting.shift(); domain && !stopped; domain = waiting.shift()) {
        const observation = await lookAt(node, domain);
        if (observation) observations.push(observation);
      }
    };
    await Promise.all(Array.from({ length: ABREAST }, work));
    return observations;
  }

  const lookAt = (node: string, domain: DomainName): Promise<Observation | undefined> =>
    observer.look(node, domain).catch(error => {
      if (!stopped) log.warn({ ...factsOf(node, error), domain: domain.uuid }, 'machine not read');
      return undefined;
    });

  /** Attachments of one machine share one search. */
  async function findAll(attachments: readonly StoredAttachment[]): Promise<Fact[]> {
    const searches = new Map<string, Promise<Whereabouts>>();
    const find = (vm: Vm): Promise<Whereabouts> => {
      const key = vm.domain ?? '';
      const search = searches.get(key) ?? finder.find(vm);
      searches.set(key, search);
      return search;
    };
    return Promise.all(attachments.map(async one => [one, await find(one.context.vm)] as const));
  }

  /** How many attachments this pass would end. */
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
      await lookElsewhere(node).catch(why => log.warn(factsOf(node, why), 'machines not looked for'));
    }
  }

  /** A machine of a node that does not answer may be found on another; where it is not, nothing is known that was not before. */
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
