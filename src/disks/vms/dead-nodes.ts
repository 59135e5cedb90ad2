import { attachmentKey } from '../../../machines/notes.ts';
import { mayOutliveNode, type VmLocation } from '../../../machines/vm-location.ts';
import type { ActorSystem } from '../actors/system.ts';
import type { RecordIndex } from '../records/record-index.ts';
import { isHeld, type StoredAttachment } from '../records/records.ts';
import type { HolderBook } from './holders.ts';
import type { Hosts } from './hosts.ts';
import type { VmLocator } from './vm-locator.ts';

/** An attachment on the node, and where its VM was found. */
type Fact = readonly [attachment: StoredAttachment, found: VmLocation];

interface Releases {
  /** The facts to send to the node's attachments. */
  readonly facts: readonly Fact[];
  /** UUIDs of the disks that will be released: their VM is on no other node. */
  readonly disks: readonly string[];
  /** The number of the node's newest connection when the facts were gathered. */
  readonly connection: number;
}

/** Releases the disks on a node that an administrator has declared dead. */
export interface DeadNodes {
  /**
   * Gathers the facts for a node's attachments. `until`: only attachments created until then, in milliseconds
   * since 1970 by the system's clock; later ones were made for the time when the node is back.
   */
  prepare(node: string, until?: number): Promise<Releases>;
  /**
   * Sends the facts to the attachments. To be called when the declaration is on disk. If the node has been
   * linked since the facts were gathered, it may have carried out a plug that was pending then: such an
   * attachment is left as it is, and its disk is unplugged like all others on a dead node that has come back.
   */
  tell(node: string, releases: Releases): Promise<void>;
  /**
   * Repeats both steps for all declared nodes at start: a crash may have come between a declaration and its
   * effects.
   */
  repeatAll(): Promise<void>;
}

/** The release of disks on dead nodes; nothing happens before the first call. */
export function createDeadNodes(parts: {
  readonly system: ActorSystem;
  readonly decided: RecordIndex;
  readonly hosts: Hosts;
  readonly holders: HolderBook;
  readonly locator: VmLocator;
  /** The number of a node's newest connection; 0: there was none yet. */
  readonly connectionOf: (node: string) => number;
}): DeadNodes {
  const { system, decided, hosts, holders, locator, connectionOf } = parts;

  async function find({ context: { vm } }: StoredAttachment): Promise<VmLocation> {
    // The dead node itself is not asked: the administrator vouches for it.
    return vm.domain === null ? locator.findNamed(vm) : locator.find(vm, { homeIsDead: true });
  }

  async function prepare(node: string, until = Number.POSITIVE_INFINITY): Promise<Releases> {
    const connection = connectionOf(node);
    const attachments = decided.attachmentsOn(node).filter(one => isHeld(one) && one.context.since <= until);
    const facts = await Promise.all(attachments.map(async one => [one, await find(one)] as const));
    const gone = facts.filter(([{ context }, found]) => !mayOutliveNode(context, found));
    return { facts, connection, disks: [...new Set(gone.map(([one]) => one.context.disk))] };
  }

  async function tell(node: string, { facts, connection }: Releases): Promise<void> {
    const declaration = hosts.declaration(node);
    if (!declaration) return;
    const { by, reason } = declaration;
    const cause = { kind: 'node-declared-dead', account: by, reason } as const;
    holders.keepOnly(node, new Set());
    for (const [{ context }, found] of facts) {
      if (context.atWork?.node === node && connectionOf(node) !== connection) continue;
      const event = { type: 'NODE_DEAD' as const, node, found, alarm: null };
      await system.deliver([{ to: attachmentKey(context.id), event }], cause);
    }
  }

  return {
    prepare,
    tell,
    async repeatAll() {
      const nodes = new Set([...decided.attachments()].map(one => one.context.vm.node));
      for (const node of nodes) {
        const declaration = hosts.declaration(node);
        if (declaration) await tell(node, await prepare(node, declaration.since));
      }
    },
  };
}
