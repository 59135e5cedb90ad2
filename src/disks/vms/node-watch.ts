import type { Logger } from 'pino';
import type { RunEnd } from '../../../machines/vm-location.ts';
import { reasonOf } from '../../errors.ts';
import { diskOfAlias } from '../../hypervisor/domain-xml.ts';
import type { DomainName, Hypervisor, NodeWatcher } from '../../hypervisor/hypervisor.ts';
import type { RecordIndex } from '../records/record-index.ts';
import { isHeld, type StoredAttachment } from '../records/records.ts';
import type { Alarms } from './alarms.ts';
import type { HolderBook } from './holders.ts';
import type { Hosts } from './hosts.ts';
import type { Observation, Observer } from './observer.ts';
import type { Reconciler } from './reconciler.ts';
import type { Strays } from './strays.ts';
import { accountingFor, heldByDomain } from './vm-attachments.ts';
import type { VmLocator } from './vm-locator.ts';

interface WatchParts {
  readonly decided: RecordIndex;
  readonly hypervisor: Hypervisor;
  readonly alarms: Alarms;
  readonly hosts: Hosts;
  readonly holders: HolderBook;
  readonly locator: Pick<VmLocator, 'definedElsewhere'>;
  readonly observer: Observer;
  readonly reconciler: Reconciler;
  readonly strays: Strays;
  readonly log: Logger;
}

/**
 * Handles libvirt's events. Every event is matched by domain UUID; an event that matches no attachment is
 * ignored. Returns a function that ends the watch.
 */
export function watchNodes(parts: WatchParts): () => void {
  const { decided, hypervisor, alarms, hosts, holders, locator, observer, reconciler, strays, log } = parts;

  /**
   * Starts the work for an event, unless the node's reports are not believed: on a new connection the host
   * must be identified first. Resolves with its result, or with undefined: a failure is logged.
   */
  async function begin<Result>(
    node: string,
    domain: DomainName,
    work: () => Promise<Result>,
  ): Promise<Result | undefined> {
    try {
      return (await reconciler.doubt(node)) === undefined ? await work() : undefined;
    } catch (error) {
      const facts = { node: hypervisor.hostOf(node), domain: domain.uuid, error: reasonOf(error) };
      log.warn(facts, 'event of a node not followed up');
      return undefined;
    }
  }

  const alarmOn = ({ context }: StoredAttachment): string | null => alarms.of(context.vm.node) ?? null;

  const report = (node: string, observation: Observation): Promise<void> =>
    observer.report(observation, alarms.of(node) ?? null);

  const lookAgain = async (node: string, domain: DomainName): Promise<void> =>
    report(node, await observer.look(node, domain));

  /** A device under a foreign alias may be one of our disks by its path: whoever asks for holders waits. */
  async function lookForHolder(node: string, domain: DomainName): Promise<void> {
    const looking = begin(node, domain, () => observer.look(node, domain));
    holders.expect(looking);
    const observation = await looking;
    if (observation) await begin(node, domain, () => report(node, observation));
  }

  /**
   * Handles the end of a run, for the attachments that existed when it ended: later ones belong to a later
   * run. First without waiting for nodes that do not answer: their answers matter only if a switch-over is
   * open.
   */
  async function ended(attachments: readonly StoredAttachment[], end: RunEnd): Promise<void> {
    for (const mayWait of [false, true]) {
      for (const { context } of attachments) {
        const one = decided.attachment(context.id);
        if (!one || !isHeld(one)) continue;
        await observer.follow(one, { alarm: alarmOn(one), end, mayWait }, 'machine-stopped');
      }
    }
  }

  async function left(domain: DomainName, seen: 'switching' | 'saved' | 'migrated'): Promise<void> {
    const attachments = heldByDomain(decided, domain.uuid);
    for (const one of attachments) await observer.tell(one, { type: 'LEFT', seen }, 'machine-away');
    if (seen === 'switching') return;
    for (const { context } of attachments) {
      const one = decided.attachment(context.id);
      if (one) await observer.follow(one, { alarm: alarmOn(one) }, 'machine-away');
    }
  }

  async function removed(node: string, domain: DomainName, disk: string): Promise<void> {
    const { look, before } = await observer.look(node, domain);
    if (look.kind !== 'running' || look.disks.some(one => one.disk === disk)) return;
    const held = [...before].find(({ context }) => context.disk === disk);
    const elsewhere = held ? await locator.definedElsewhere(held.context.vm, node) : [];
    await observer.inspected(domain.uuid);
    const defined = [...look.defined, ...elsewhere].includes(disk);
    for (const one of before) {
      const { state, context } = one;
      if (context.disk !== disk || context.vm.node !== node || state === 'attaching' || context.undo)
        continue;
      // The inspection proves nothing about what came after it: another plug, or the VM's next run elsewhere.
      if (decided.attachment(context.id) !== one) continue;
      // No alarm: the node reported the removal, and its live domain confirms it.
      await observer.tell(one, { type: 'DEVICE_GONE', alarm: null, defined }, 'device-removed');
    }
  }

  async function unplugStray(node: string, domain: DomainName, disk: string): Promise<void> {
    const isStray = decided.disk(disk) && accountingFor(decided, disk, domain).length === 0;
    if (isStray) await strays.unplug(node, domain, disk);
  }

  const watcher: NodeWatcher = {
    up: reconciler.linked,
    running: (node, domain) => void begin(node, domain, () => lookAgain(node, domain)),
    changed: (node, domain) => void begin(node, domain, () => lookAgain(node, domain)),
    left(node, domain, seen) {
      if (seen !== 'switching') holders.put(node, hypervisor.hostOf(node), domain, []);
      if (alarms.ofHost(node) === undefined) void begin(node, domain, () => left(domain, seen));
    },
    ended(node, domain, how, watched) {
      holders.put(node, hypervisor.hostOf(node), domain, []);
      if (alarms.ofHost(node) !== undefined) return;
      const host = hosts.uuidOf(hypervisor.hostOf(node)) ?? '';
      const attachments = heldByDomain(decided, domain.uuid);
      void begin(node, domain, () => ended(attachments, { how, node, host, watched }));
    },
    deviceRemoved(node, domain, alias) {
      holders.drop(node, domain.uuid, alias);
      const disk = diskOfAlias(alias);
      if (disk) void begin(node, domain, () => removed(node, domain, disk));
    },
    deviceAdded(node, domain, alias) {
      const disk = diskOfAlias(alias);
      if (disk) void begin(node, domain, () => unplugStray(node, domain, disk));
      else void lookForHolder(node, domain);
    },
  };
  return hypervisor.watch(watcher);
}
