// Stray devices: a live domain has one of our disks, and no attachment accounts for it. A plug that was given
// up has taken effect later, a VM was defined again from its live XML, the database is older than the VMs, or
// a disk was plugged by hand.
import type { Logger } from 'pino';
import { attachmentKey, diskKey } from '../../../machines/notes.ts';
import type { Run } from '../../../machines/vm-location.ts';
import { PdiskError } from '../../errors.ts';
import { type DomainName, disksIn, type Hypervisor, type LiveDisk } from '../../hypervisor/hypervisor.ts';
import type { ActorSystem } from '../actors/system.ts';
import type { RecordIndex } from '../records/record-index.ts';
import { isKnown } from '../records/records.ts';
import type { HolderBook } from './holders.ts';
import type { Hosts } from './hosts.ts';
import { accountingFor, forgetDeaths, heldByDomain, heldIds } from './vm-attachments.ts';

/** Any host, and any path that the VM writes to. */
const EXPECT_ANYTHING = { host: null, source: null };

/**
 * What the handling of stray devices needs. `questionMs`: how long a node may take to answer, in
 * milliseconds.
 */
export interface StrayParts {
  readonly system: ActorSystem;
  readonly decided: RecordIndex;
  readonly hypervisor: Hypervisor;
  readonly holders: HolderBook;
  readonly hosts: Hosts;
  readonly log: Logger;
  readonly now: () => number;
  readonly newId: () => string;
  readonly questionMs: number;
  /** How long unplugging a stray device may take, in milliseconds. */
  readonly unplugMs: number;
}

/** Handles stray devices. */
export interface Strays {
  /**
   * Handles an inspected live domain: a device under our alias that no attachment accounts for, neither
   * before the inspection nor now, is adopted as an attachment. On a node that was declared dead and has come
   * back it is unplugged afterwards.
   */
  settle(
    node: string,
    domain: DomainName,
    run: Run,
    disks: readonly LiveDisk[],
    accountedBefore: ReadonlySet<string>,
  ): Promise<void>;
  /** Unplugs a device under our alias that has just appeared and that no request waits for. */
  unplug(node: string, domain: DomainName, disk: string): Promise<void>;
  /**
   * A sentence naming the VM that has a disk without an attachment, confirmed by an inspection now; null:
   * none.
   */
  holderOf(disk: string): Promise<string | null>;
  /** Aborts the unplugs in progress. */
  stop(): void;
}

/** Creates the handling of stray devices; nothing happens before the first call. */
export function createStrays(parts: StrayParts): Strays {
  const { system, decided, hypervisor, holders, hosts, log, now, newId, questionMs, unplugMs } = parts;
  const stopping = new AbortController();

  async function unplug(node: string, domain: DomainName, disk: string): Promise<void> {
    const facts = { node: hypervisor.hostOf(node), domain: domain.uuid, disk };
    log.warn(facts, 'a VM has a disk that is not attached to it; it is unplugged');
    const vm = { host: hypervisor.hostOf(node), node, names: [domain.name], domain: domain.uuid };
    const outcome = await hypervisor.unplug(vm, disk, EXPECT_ANYTHING, now() + unplugMs, stopping.signal);
    if (outcome.kind === 'unplugged' || outcome.kind === 'unplugged-live')
      holders.drop(node, domain.uuid, `ua-${disk}`);
    else if (outcome.kind !== 'stopped')
      log.error({ ...facts, outcome }, 'a disk that is not attached stays');
  }

  async function adopt(
    node: string,
    domain: DomainName,
    run: Run,
    { disk, target }: LiveDisk,
  ): Promise<void> {
    const { owner, ownerId } = decided.disk(disk)?.context ?? { owner: '', ownerId: undefined };
    const vm = { host: hypervisor.hostOf(node), node, names: [domain.name], domain: domain.uuid };
    const birth = { id: newId(), disk, node: vm.host, vmId: domain.name, vm, by: owner, byId: ownerId };
    log.warn(
      { node: vm.host, domain: domain.uuid, disk },
      'a VM has a disk without an attachment; it counts as a user',
    );
    const attachments = heldIds(decided, vm).filter(id => decided.attachment(id)?.context.disk === disk);
    const event = { type: 'ADOPT_USER' as const, ...birth, attachments, target, run };
    await system.deliver([{ to: diskKey(disk), event }, ...forgetDeaths(decided, vm)], {
      kind: 'reconciliation',
    });
  }

  /**
   * Unplugs all disks of a domain on a node that was declared dead and has come back: other VMs may have got
   * these disks.
   */
  async function expel(node: string, domain: DomainName): Promise<void> {
    const declaration = hosts.declaration(node);
    if (!declaration) return;
    const { by, reason } = declaration;
    const cause = { kind: 'node-declared-dead', account: by, reason } as const;
    const plugged = heldByDomain(decided, domain.uuid).filter(({ state }) => state === 'hot-attached');
    for (const { context } of plugged) {
      await system.deliver([{ to: attachmentKey(context.id), event: { type: 'HOTDETACH' } }], cause);
    }
  }

  const isStray = (domain: DomainName, { disk }: { readonly disk: string }): boolean =>
    accountingFor(decided, disk, domain).length === 0;

  return {
    async settle(node, domain, run, disks, accountedBefore) {
      for (const device of disks) {
        const disk = decided.disk(device.disk);
        if (device.by !== 'alias' || accountedBefore.has(device.disk) || !disk || !isKnown(disk)) continue;
        if (isStray(domain, device)) await adopt(node, domain, run, device);
      }
      await expel(node, domain);
    },
    unplug,
    async holderOf(disk) {
      await holders.ready(now() + questionMs);
      for (const { node, host, domain } of holders.of(disk)) {
        if (!isStray(domain, { disk })) continue;
        const look = await hypervisor.look(node, domain.uuid, now() + questionMs).catch(error => {
          if (error instanceof PdiskError) return undefined;
          throw error;
        });
        // If the node does not answer, the VM may still be there: what was last seen counts.
        if (look) holders.put(node, host, domain, disksIn(look));
        if (holders.of(disk).some(one => one.domain.uuid === domain.uuid)) {
          return `VM '${domain.name}' on node '${host}' has it`;
        }
      }
      return null;
    },
    stop: () => stopping.abort(),
  };
}
