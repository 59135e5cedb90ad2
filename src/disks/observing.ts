import type { AttachmentMessage } from '../../machines/attachment-events.ts';
import { attachmentKey } from '../../machines/notes.ts';
import type { Vm } from '../../machines/vm.ts';
import type { RunEnd, Whereabouts } from '../../machines/whereabouts.ts';
import type { DomainName, Hypervisor, Look } from '../hypervisor/hypervisor.ts';
import type { CauseKind } from '../store/records.ts';
import type { HolderBook } from './holders.ts';
import { accountingFor, heldByDomain } from './machine.ts';
import { isHeld, type KeptAttachment } from './records.ts';
import type { Shelf } from './shelf.ts';
import type { Strays } from './strays.ts';
import type { ActorSystem } from './system.ts';
import type { Finder } from './whereabouts.ts';

export interface ObserverParts {
  readonly system: ActorSystem;
  readonly decided: Shelf;
  readonly hypervisor: Hypervisor;
  readonly holders: HolderBook;
  readonly strays: Strays;
  readonly finder: Finder;
  readonly now: () => number;
  readonly questionMs: number;
}

/** A look at one domain of a node, and which of the disks that it may have were accounted for before. */
export interface Observation {
  readonly node: string;
  readonly domain: DomainName;
  readonly look: Look;
  readonly before: ReadonlySet<string>;
}

/** Looks at live machines, and tells attachments what is seen of theirs. */
export interface Observer {
  /** Throws NODE_UNREACHABLE. */
  look(node: string, domain: DomainName): Promise<Observation>;
  /** The attachments of a domain that are known to be on this node, or may be. */
  attachmentsIn(observation: Observation): readonly KeptAttachment[];
  /** Tells the attachments on this node, and takes in what nobody accounts for. `alarm`: why what is gone is not believed to be. */
  report(observation: Observation, alarm: string | null): Promise<void>;
  /** Finds the machine of an attachment, and tells it. */
  follow(
    attachment: KeptAttachment,
    how: { readonly alarm: string | null; readonly end?: RunEnd; readonly patient?: boolean },
    kind: CauseKind,
  ): Promise<void>;
  /** What the chart does not hear in its present state is no error. */
  tell(attachment: KeptAttachment, event: AttachmentMessage, kind: CauseKind): Promise<void>;
}

export function createObserver(parts: ObserverParts): Observer {
  const { system, decided, hypervisor, holders, strays, finder, now, questionMs } = parts;

  async function tell(
    { context }: KeptAttachment,
    event: AttachmentMessage,
    kind: CauseKind,
  ): Promise<void> {
    await system.deliver([{ to: attachmentKey(context.id), event }], { kind });
  }

  const follow: Observer['follow'] = async (attachment, { alarm, ...how }, kind) => {
    const found = await finder.find(attachment.context.vm, how);
    await tell(attachment, { type: 'FOUND', found, alarm }, kind);
  };

  /** The disks of ours that are accounted for in a domain, as far as its attachments say. */
  const accountedIn = (domain: DomainName): ReadonlySet<string> =>
    new Set(heldByDomain(decided, domain.uuid).map(({ context }) => context.disk));

  /** Where a look shows a machine; undefined: it does not. */
  function foundBy({ node, look }: Observation, vm: Vm): Whereabouts | undefined {
    if (look.kind === 'moving') return { at: 'moving', node };
    if (look.kind !== 'running') return undefined;
    const disks = look.disks.map(({ disk }) => disk);
    return { at: 'running', vm: { ...vm, node, host: hypervisor.hostOf(node) }, run: look.run, disks };
  }

  function attachmentsIn({ node, domain, look }: Observation): readonly KeptAttachment[] {
    const there = new Set(
      heldByDomain(decided, domain.uuid).filter(one => one.context.vm.node === node),
    );
    // Registered before its launch: for this node, or for another if the machine shows the disk.
    const named = decided.attachmentsOf({ host: '', node, names: [domain.name], domain: null });
    for (const one of named) if (isHeld(one) && one.context.vm.domain === null) there.add(one);
    for (const { disk } of look.kind === 'running' ? look.disks : []) {
      for (const one of accountingFor(decided, disk, domain)) {
        if (one.context.vm.domain === null) there.add(one);
      }
    }
    return [...there];
  }

  /** Whether the machine writes to the disk's volume, or to what else; undefined: it does not show the disk. */
  const divertedTo = (node: string, domain: string, disk: string): string | null | undefined => {
    const holder = holders.of(disk).find(one => one.node === node && one.domain.uuid === domain);
    return holder && (holder.diverted ? holder.source : null);
  };

  async function tellDiversion(node: string, domain: string, attachment: KeptAttachment): Promise<void> {
    const source = divertedTo(node, domain, attachment.context.disk);
    if (source === undefined || source === attachment.context.diverted) return;
    await tell(attachment, { type: 'DIVERTED', source }, 'reconciliation');
  }

  return {
    async look(node, domain) {
      const before = accountedIn(domain);
      const look = await hypervisor.look(node, domain.uuid, now() + questionMs);
      holders.put(node, hypervisor.hostOf(node), domain, look.kind === 'running' ? look.disks : []);
      return { node, domain, look, before };
    },
    attachmentsIn,
    async report(observation, alarm) {
      const { node, domain, look, before } = observation;
      for (const one of attachmentsIn(observation)) {
        const found = foundBy(observation, { ...one.context.vm, domain: domain.uuid });
        if (!found) continue;
        await tell(one, { type: 'FOUND', found, alarm }, 'reconciliation');
        await tellDiversion(node, domain.uuid, one);
      }
      // Known to be on another node, which is asked first: during a migration two show it.
      const others = heldByDomain(decided, domain.uuid).filter(one => one.context.vm.node !== node);
      for (const one of look.kind === 'running' ? others : []) await follow(one, { alarm }, 'reconciliation');
      if (look.kind === 'running') await strays.settle(node, domain, look.run, look.disks, before);
    },
    follow,
    tell,
  };
}
