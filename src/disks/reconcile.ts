import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { attachmentKey } from '../../machines/notes.ts';
import type { DomainState, Hypervisor, Survey } from '../hypervisor/hypervisor.ts';
import type { Alarms } from './alarms.ts';
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
  /** Compares a node's attachments with its machines; passes on one node never overlap. Never rejects. */
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
  const stopping = new AbortController();

  const survey = (node: string): Promise<Survey> =>
    hypervisor.survey(node, now() + questionMs, stopping.signal);

  const hotOn = (node: string): KeptAttachment[] =>
    [...decided.attachments()].filter(
      ({ state, context }) => context.vm.node === node && (state === 'hot-attached' || state === 'detaching'),
    );

  async function compare(node: string): Promise<void> {
    const first = await survey(node);
    await alarms.checkHost(node, first.hostUuid);
    const attachments = hotOn(node);
    if (alarms.of(node) || attachments.length === 0) return;
    const suspects = attachments.filter(one => !holdsDisks(first, one));
    await releaseMissing(attachments.filter(one => !suspects.includes(one)));
    if (suspects.length > 0) await judge(node, first, suspects);
  }

  /** A device that the live domain of the same UUID does not show is off. */
  async function releaseMissing(attachments: readonly KeptAttachment[]): Promise<void> {
    const machines = new Map(attachments.map(({ context }) => [context.vm.domain, context.vm]));
    for (const [domain, vm] of machines) {
      const live = await hypervisor.liveDisks(vm, now() + questionMs, stopping.signal);
      const there = attachments.filter(({ context }) => live && context.vm.domain === domain);
      for (const { context } of there) {
        if (!live?.includes(context.disk)) await tell(context.id, { type: 'DEVICE_GONE' });
      }
    }
  }

  /** Machines that one list does not show: moved, or dead if a second list of the same connection agrees. */
  async function judge(node: string, first: Survey, suspects: readonly KeptAttachment[]): Promise<void> {
    await delay(proofMs, undefined, { signal: stopping.signal });
    const second = await survey(node);
    if (second.generation !== first.generation) return;
    const missing = suspects.filter(one => !holdsDisks(second, one));
    const gone: KeptAttachment[] = [];
    for (const one of missing) if (!(await follow(one))) gone.push(one);
    const dead = gone.filter(one => !one.context.migrated);
    for (const { context } of gone.filter(one => one.context.migrated)) {
      log.warn(
        { disk: context.disk, node, domain: context.vm.domain },
        'machine has migrated and is not found',
      );
    }
    if (dead.length === 0 || !alarms.checkReleases(node, dead.length, hotOn(node).length)) return;
    for (const { context } of dead) await tell(context.id, { type: 'MACHINE_DEAD' });
  }

  /** Whether another linked node runs the machine; its attachments move there. */
  async function follow({ context }: KeptAttachment): Promise<boolean> {
    for (const node of hypervisor.linkedNodes()) {
      if (node === context.vm.node) continue;
      const found = await survey(node).catch(() => undefined);
      if (!found?.domains.some(one => one.uuid === context.vm.domain && one.active)) continue;
      const vm = { ...context.vm, node, host: hypervisor.hostOf(node) };
      log.info({ disk: context.disk, domain: vm.domain, node }, 'machine found on another node');
      hypervisor.link(node);
      await tell(context.id, { type: 'MOVED', vm });
      return true;
    }
    return false;
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

  function pass(node: string): Promise<void> {
    const last = passes.get(node);
    if (last) return last;
    const running = run(node).finally(() => passes.delete(node));
    passes.set(node, running);
    return running;
  }

  async function passAll(): Promise<void> {
    const hot = [...hotNodes(decided)].filter(hypervisor.isConfigured);
    await Promise.all([...new Set([...hypervisor.linkedNodes(), ...hot])].map(pass));
  }

  return {
    pass,
    passAll,
    async stop() {
      stopping.abort();
      await Promise.all(passes.values());
    },
  };
}

function holdsDisks(survey: Survey, { context }: KeptAttachment): boolean {
  const domain = survey.domains.find((one: DomainState) => one.uuid === context.vm.domain);
  return domain !== undefined && (domain.active || domain.saved);
}
