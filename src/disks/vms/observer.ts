import type { AttachmentMessage } from '../../../machines/attachment-events.ts';
import { attachmentKey } from '../../../machines/notes.ts';
import type { Vm } from '../../../machines/vm.ts';
import type { RunEnd, VmLocation } from '../../../machines/vm-location.ts';
import { type DomainName, disksIn, type Hypervisor, type Look } from '../../hypervisor/hypervisor.ts';
import type { CauseKind } from '../../store/records.ts';
import type { ActorSystem } from '../actors/system.ts';
import type { RecordIndex } from '../records/record-index.ts';
import { isHeld, isPlugged, type StoredAttachment } from '../records/records.ts';
import { type DefinitionBook, definedIn } from './definitions.ts';
import type { HolderBook } from './holders.ts';
import type { Strays } from './strays.ts';
import { accountingFor, heldByDomain } from './vm-attachments.ts';
import type { VmLocator } from './vm-locator.ts';

/** What the observer needs. `questionMs`: how long a node may take to answer, in milliseconds. */
export interface ObserverParts {
  readonly system: ActorSystem;
  readonly decided: RecordIndex;
  readonly hypervisor: Hypervisor;
  readonly holders: HolderBook;
  readonly definitions: DefinitionBook;
  readonly strays: Strays;
  readonly locator: VmLocator;
  readonly now: () => number;
  readonly questionMs: number;
}

/**
 * The inspection of one domain, and the attachments that existed before it: about later ones it proves
 * nothing.
 */
export interface Observation {
  readonly node: string;
  readonly domain: DomainName;
  readonly look: Look;
  readonly before: ReadonlySet<StoredAttachment>;
}

/** Inspects live domains, and sends the results to their attachments. */
export interface Observer {
  /** Inspects one domain. Rejects with NODE_NOT_CONFIGURED, NODE_UNREACHABLE. */
  look(node: string, domain: DomainName): Promise<Observation>;
  /**
   * Resolves when the inspections of a domain (UUID) that are in progress, on any node, have ended: a copy
   * that a migration has begun may hold a disk that the domain at the source no longer shows.
   */
  inspected(domain: string): Promise<void>;
  /**
   * The attachments that belong to this domain on this node, or may belong to it, and have not changed since
   * the inspection.
   */
  attachmentsIn(observation: Observation): readonly StoredAttachment[];
  /**
   * Sends an observation to the attachments on this node, and adopts stray devices. `alarm`: why the absence
   * of devices is not believed; null: it is.
   */
  report(observation: Observation, alarm: string | null): Promise<void>;
  /** Finds the VM of an attachment, and sends the result to the attachment. */
  follow(
    attachment: StoredAttachment,
    how: { readonly alarm: string | null; readonly end?: RunEnd; readonly mayWait?: boolean },
    kind: CauseKind,
  ): Promise<void>;
  /** Sends an event to an attachment. An event without a transition in its present state is ignored. */
  tell(attachment: StoredAttachment, event: AttachmentMessage, kind: CauseKind): Promise<void>;
}

/** Creates an observer; nothing is inspected before the first call. */
export function createObserver(parts: ObserverParts): Observer {
  const { system, decided, hypervisor, holders, definitions, strays, locator, now, questionMs } = parts;
  /** By domain UUID. */
  const inProgress = new Map<string, Set<Promise<Observation>>>();

  async function tell(
    { context }: StoredAttachment,
    event: AttachmentMessage,
    kind: CauseKind,
  ): Promise<void> {
    await system.deliver([{ to: attachmentKey(context.id), event }], { kind });
  }

  const follow: Observer['follow'] = async (attachment, { alarm, ...how }, kind) => {
    const found = await locator.find(attachment.context.vm, how);
    // A device that was plugged after the inspection began may be missing from it.
    if (found.at === 'running' && decided.attachment(attachment.context.id) !== attachment) return;
    await tell(attachment, { type: 'FOUND', found, alarm }, kind);
  };

  /** Where an observation shows the VM; undefined: it does not show it running. */
  function foundBy(
    { node, look }: Observation,
    vm: Vm,
    elsewhere: readonly string[],
  ): VmLocation | undefined {
    if (look.kind === 'moving') return { at: 'moving', node };
    if (look.kind !== 'running') return undefined;
    const disks = look.disks.map(({ disk }) => disk);
    const at = { ...vm, node, host: hypervisor.hostOf(node) };
    const defined = [...look.defined, ...elsewhere];
    return { at: 'running', vm: at, run: look.run, disks, homeIsSilent: false, defined };
  }

  /**
   * Our disks in the VM's definitions on other nodes. They are asked only if a disk is missing from the VM,
   * since nothing else depends on it.
   */
  async function definedElsewhere(observation: Observation): Promise<readonly string[]> {
    const { node, look } = observation;
    if (look.kind !== 'running') return [];
    const there = new Set(look.disks.map(({ disk }) => disk));
    const lost = attachmentsIn(observation).find(one => isPlugged(one) && !there.has(one.context.disk));
    return lost ? locator.definedElsewhere(lost.context.vm, node) : [];
  }

  /** Attachments that were registered for this name before the launch, and not yet seen with the disk. */
  const registeredFor = (node: string, { name }: DomainName): StoredAttachment[] =>
    decided
      .attachmentsOf({ host: '', node, names: [name], domain: null })
      .filter(one => isHeld(one) && one.context.vm.domain === null);

  function attachmentsIn({ node, domain, look, before }: Observation): readonly StoredAttachment[] {
    const known = heldByDomain(decided, domain.uuid).filter(
      one => one.context.vm.node === node && before.has(one),
    );
    // Registered for this node; or for another node, if the domain shows the disk.
    const disks = look.kind === 'running' ? look.disks : [];
    const shown = disks.flatMap(({ disk }) => accountingFor(decided, disk, domain));
    const unseen = shown.filter(({ context }) => context.vm.domain === null);
    return [...new Set([...known, ...registeredFor(node, domain), ...unseen])];
  }

  /**
   * The path that the VM writes to instead of the disk's volume; null: it writes to the volume; undefined: it
   * does not show the disk.
   */
  const divertedTo = (node: string, domain: string, disk: string): string | null | undefined => {
    const holder = holders.of(disk).find(one => one.node === node && one.domain.uuid === domain);
    return holder && (holder.diverted ? holder.source : null);
  };

  async function tellDiversion(node: string, domain: string, attachment: StoredAttachment): Promise<void> {
    const source = divertedTo(node, domain, attachment.context.disk);
    if (source === undefined || source === attachment.context.diverted) return;
    await tell(attachment, { type: 'DIVERTED', source }, 'reconciliation');
  }

  async function inspect(node: string, domain: DomainName): Promise<Observation> {
    const before = new Set(heldByDomain(decided, domain.uuid));
    const look = await hypervisor.look(node, domain.uuid, now() + questionMs);
    const host = hypervisor.hostOf(node);
    holders.put(node, host, domain, disksIn(look));
    definitions.put(node, host, domain, definedIn(look));
    return { node, domain, look, before };
  }

  async function inspected(domain: string): Promise<void> {
    await Promise.allSettled(inProgress.get(domain) ?? []);
  }

  return {
    look(node, domain) {
      const inspection = inspect(node, domain);
      const all = inProgress.get(domain.uuid) ?? new Set();
      inProgress.set(domain.uuid, all.add(inspection));
      const end = (): void => {
        all.delete(inspection);
        if (all.size === 0) inProgress.delete(domain.uuid);
      };
      inspection.then(end, end);
      return inspection;
    },
    inspected,
    attachmentsIn,
    async report(observation, alarm) {
      const { node, domain, look, before } = observation;
      const elsewhere = await definedElsewhere(observation);
      await inspected(domain.uuid);
      for (const one of attachmentsIn(observation)) {
        const found = foundBy(observation, { ...one.context.vm, domain: domain.uuid }, elsewhere);
        // While another attachment was told, this one may have changed: the inspection may be older than its
        // device.
        if (!found || decided.attachment(one.context.id) !== one) continue;
        await tell(one, { type: 'FOUND', found, alarm }, 'reconciliation');
        await tellDiversion(node, domain.uuid, one);
      }
      // Attachments on record on another node, which is asked first: during a migration two nodes show the
      // VM.
      const others = heldByDomain(decided, domain.uuid).filter(one => one.context.vm.node !== node);
      for (const one of look.kind === 'running' ? others : []) await follow(one, { alarm }, 'reconciliation');
      if (look.kind === 'running') {
        const accounted = new Set([...before].map(({ context }) => context.disk));
        await strays.settle(node, domain, look.run, look.disks, accounted);
      }
    },
    follow,
    tell,
  };
}
