import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { attachmentKey } from '../../machines/notes.ts';
import type { DomainState, Hypervisor, Survey } from '../hypervisor/hypervisor.ts';
import type { Alarms } from './alarms.ts';
import { hotOnDomain, isAccountedFor } from './machine.ts';
import type { KeptAttachment } from './records.ts';
import { hotNodes } from './recovery.ts';
import type { Shelf } from './shelf.ts';
import type { ActorSystem } from './system.ts';

export interface ReconcilerParts {
  readonly system: ActorSystem;
  readonly decided: Shelf;
  readonly hypervisor: Hypervisor;
  readonly alarms: Alarms;
  readonly log: Logger;
  readonly now: () => number;
  /** How long a node may take to answer a question, in milliseconds. */
  readonly questionMs: number;
  /** Two complete lists prove a machine's death only if they are at least this far apart, in milliseconds. */
  readonly proofMs: number;
}

export interface Reconciler {
  /** A node has a new connection: which host answers on it is not known, nor what its machines did meanwhile. */
  linked(node: string, generation: number): void;
  /**
   * Why a node's word about its machines is not believed, or undefined. Waits until somebody has looked which host answers on its
   * present connection: another one may answer under its name, and knows nothing of the machines.
   */
  doubt(node: string): Promise<string | undefined>;
  /** Compares a node's attachments with its machines as they are from now on; passes on one node never overlap. Never rejects. */
  pass(node: string): Promise<void>;
  /** Every linked node, and every node that holds an attachment. */
  passAll(): Promise<void>;
  stop(): Promise<void>;
}

const CAUSE = { kind: 'reconciliation' } as const;

/** Holds records and live domains against each other, and releases only on proof: never because a node is silent. */
export function createReconciler(parts: ReconcilerParts): Reconciler {
  const { system, decided, hypervisor, alarms, log, now, questionMs, proofMs } = parts;
  const passes = new Map<string, Promise<void>>();
  const wanted = new Set<string>();
  const stopping = new AbortController();
  /** The newest connection of each node, and the newest whose host was looked at. */
  const connections = new Map<string, number>();
  const looked = new Map<string, number>();

  const isNew = (node: string): boolean => (looked.get(node) ?? 0) < (connections.get(node) ?? 0);

  const survey = (node: string): Promise<Survey> =>
    hypervisor.survey(node, now() + questionMs, stopping.signal);

  const hotOn = (node: string): KeptAttachment[] =>
    decided.attachmentsOn(node).filter(({ state }) => isPlugged(state));

  async function compare(node: string): Promise<void> {
    const before = hotOn(node);
    const first = await survey(node);
    const names = new Set([hypervisor.hostOf(node), ...before.map(one => one.context.vm.host)]);
    await alarms.checkHost(node, [...names], first.hostUuid);
    looked.set(node, first.generation);
    if (alarms.of(node)) return;
    await welcome(first, before);
    const here = holdersOf(first);
    const suspects = hotOn(node).filter(({ context }) => !here.has(context.vm.domain ?? ''));
    const dead = suspects.length > 0 ? await judge(node, first, suspects) : [];
    const missing = await findMissing(node, first);
    if (!alarms.checkReleases(node, dead.length + missing.length, hotOn(node).length)) return;
    for (const { context } of missing) await tell(context.id, { type: 'DEVICE_GONE' });
    for (const { context } of dead) await tell(context.id, { type: 'MACHINE_DEAD' });
  }

  /** Machines that were away before this list was asked for, and run here again. */
  async function welcome(list: Survey, before: readonly KeptAttachment[]): Promise<void> {
    const active = new Set(list.domains.filter(one => one.active).map(one => one.uuid));
    for (const one of before) {
      const { id, away, vm } = one.context;
      const same = decided.attachment(id) === one;
      if (same && away && active.has(vm.domain ?? '')) await tell(id, { type: 'MOVED', vm });
    }
  }

  /** Attachments whose device the live domain of the same UUID does not show. Reports devices that nobody accounts for. */
  async function findMissing(node: string, list: Survey): Promise<KeptAttachment[]> {
    const missing: KeptAttachment[] = [];
    for (const domain of list.domains.filter(one => one.active)) {
      const there = hotOnDomain(decided, domain.uuid).filter(
        ({ state, context }) => context.vm.node === node && isPlugged(state),
      );
      const vm = { host: hypervisor.hostOf(node), node, names: [domain.name], domain: domain.uuid };
      const live = await hypervisor.liveDisks(vm, now() + questionMs, stopping.signal);
      if (!live) continue;
      missing.push(...there.filter(one => !live.includes(one.context.disk)));
      for (const uuid of live) reportStray(node, domain, uuid);
    }
    return missing;
  }

  function reportStray(node: string, domain: DomainState, uuid: string): void {
    const disk = decided.disk(uuid);
    if (!disk || isAccountedFor(disk, domain)) return;
    const facts = { node, domain: domain.uuid, disk: uuid };
    log.error(facts, 'a disk is plugged into a machine that it is not attached to');
  }

  /** Machines that one list does not show: moved, or dead if a second list of the same connection agrees. */
  async function judge(
    node: string,
    first: Survey,
    suspects: readonly KeptAttachment[],
  ): Promise<readonly KeptAttachment[]> {
    await delay(proofMs, undefined, { signal: stopping.signal });
    const second = await survey(node);
    if (second.generation !== first.generation) return [];
    const here = holdersOf(second);
    const { found, silent } = await lookElsewhere(node);
    const gone: KeptAttachment[] = [];
    for (const one of suspects) {
      const domain = one.context.vm.domain ?? '';
      const elsewhere = found.get(domain);
      if (elsewhere !== undefined) await follow(one, elsewhere);
      else if (!here.has(domain)) gone.push(one);
    }
    for (const { context } of gone.filter(one => one.context.away)) {
      const facts = { disk: context.disk, node, domain: context.vm.domain };
      log.warn(facts, 'machine was saved to a file or has migrated, and is not found');
    }
    const dead = gone.filter(one => !one.context.away);
    if (silent.length === 0 || dead.length === 0) return dead;
    const facts = { node, silent, machines: dead.length };
    log.warn(facts, 'machines are not found, and may run on a node that is silent');
    return [];
  }

  /** Which machines run on the other linked nodes, by domain UUID, and which of these nodes do not answer. */
  async function lookElsewhere(node: string) {
    const found = new Map<string, string>();
    const silent: string[] = [];
    const look = async (other: string): Promise<void> => {
      const list = await survey(other).catch(() => undefined);
      if (!list) silent.push(other);
      for (const { uuid, active } of list?.domains ?? []) if (active) found.set(uuid, other);
    };
    await Promise.all(
      hypervisor
        .linkedNodes()
        .filter(other => other !== node)
        .map(look),
    );
    return { found, silent };
  }

  /** The machine runs on another node, and its attachments with it. */
  async function follow({ context }: KeptAttachment, node: string): Promise<void> {
    const vm = { ...context.vm, node, host: hypervisor.hostOf(node) };
    log.info({ disk: context.disk, domain: vm.domain, node }, 'machine found on another node');
    hypervisor.link(node);
    await tell(context.id, { type: 'MOVED', vm });
  }

  async function tell(
    id: string,
    event:
      | { type: 'DEVICE_GONE' }
      | { type: 'MACHINE_DEAD' }
      | { type: 'MOVED'; vm: KeptAttachment['context']['vm'] },
  ): Promise<void> {
    await system.deliver([{ to: attachmentKey(id), event }], CAUSE);
  }

  async function run(node: string): Promise<void> {
    try {
      await compare(node);
    } catch (error) {
      if (!stopping.signal.aborted) log.warn({ node, error: String(error) }, 'node not reconciled');
    }
  }

  async function runAgain(node: string): Promise<void> {
    do {
      wanted.delete(node);
      await run(node);
    } while (wanted.has(node) && !stopping.signal.aborted);
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
    const hot = [...hotNodes(decided)].filter(hypervisor.isConfigured);
    await Promise.all([...new Set([...hypervisor.linkedNodes(), ...hot])].map(pass));
  }

  return {
    linked(node, generation) {
      connections.set(node, generation);
      void pass(node);
    },
    async doubt(node) {
      if (isNew(node)) await pass(node);
      return isNew(node) ? 'it has not told which host it is since it was linked' : alarms.of(node);
    },
    pass,
    passAll,
    async stop() {
      stopping.abort();
      await Promise.all(passes.values());
    },
  };
}

const isPlugged = (state: KeptAttachment['state']): boolean =>
  state === 'hot-attached' || state === 'detaching';

/** The machines in a list whose disks QEMU holds, or that come back with them. */
const holdersOf = (list: Survey): ReadonlySet<string> =>
  new Set(list.domains.filter(one => one.active || one.saved).map(one => one.uuid));
