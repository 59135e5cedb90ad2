import type { Logger } from 'pino';
import type { AttachmentMessage } from '../../machines/attachment-events.ts';
import { attachmentKey } from '../../machines/notes.ts';
import type { Hypervisor, NodeWatcher } from '../hypervisor/hypervisor.ts';
import type { CauseKind } from '../store/records.ts';
import type { Alarms } from './alarms.ts';
import { hotOnDomain, isAccountedFor } from './machine.ts';
import type { Reconciler } from './reconcile.ts';
import type { KeptAttachment } from './records.ts';
import type { Shelf } from './shelf.ts';
import type { ActorSystem } from './system.ts';

interface WatchParts {
  readonly system: ActorSystem;
  readonly decided: Shelf;
  readonly hypervisor: Hypervisor;
  readonly alarms: Alarms;
  readonly reconciler: Reconciler;
  readonly log: Logger;
  readonly now: () => number;
  /** How long unplugging a device that nobody asked for may take, in milliseconds. */
  readonly unplugMs: number;
}

const ALIAS = /^ua-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Hears what nodes tell by themselves. Every event is matched by domain UUID and node; what matches nothing is let pass. */
export function watchNodes(parts: WatchParts): () => void {
  const { system, decided, hypervisor, alarms, reconciler, log, now, unplugMs } = parts;
  const stopping = new AbortController();

  const heldOn = (node: string, domain: string): KeptAttachment[] =>
    hotOnDomain(decided, domain).filter(one => one.context.vm.node === node);

  /** What the chart does not hear in its present state is no error here. */
  function tell({ context }: KeptAttachment, event: AttachmentMessage, kind: CauseKind): void {
    system.deliver([{ to: attachmentKey(context.id), event }], { kind }).catch(error => {
      log.warn({ disk: context.disk, error: String(error) }, 'node event not delivered');
    });
  }

  async function removed(node: string, domain: string, disk: string): Promise<void> {
    const gone = heldOn(node, domain).filter(
      one => one.context.disk === disk && one.state === 'hot-attached',
    );
    if (gone.length === 0) return;
    const vm = { host: hypervisor.hostOf(node), node, names: [], domain };
    const live = await hypervisor.liveDisks(vm, now() + unplugMs);
    if (!live || live.includes(disk)) return;
    for (const one of gone) tell(one, { type: 'DEVICE_GONE' }, 'device-removed');
  }

  /** A hot-plugged device of ours that no attachment accounts for: a plug that was given up has come true after all. */
  async function added(node: string, domain: { uuid: string; name: string }, disk: string): Promise<void> {
    const ours = decided.disk(disk);
    if (!ours || isAccountedFor(ours, domain)) return;
    const facts = { node, domain: domain.uuid, disk };
    log.warn(facts, 'a disk appeared that is not attached; it is unplugged');
    const vm = { host: hypervisor.hostOf(node), node, names: [domain.name], domain: domain.uuid };
    const outcome = await hypervisor.unplug(vm, disk, now() + unplugMs, stopping.signal);
    if (outcome.kind !== 'unplugged') log.error({ ...facts, outcome }, 'a disk that is not attached stays');
  }

  function withDisk(alias: string, act: (disk: string) => Promise<void>): void {
    const disk = ALIAS.exec(alias)?.[1];
    if (disk)
      act(disk).catch(error => log.warn({ disk, error: String(error) }, 'device event not followed up'));
  }

  const watcher: NodeWatcher = {
    up: reconciler.linked,
    stopped(node, domain, kind) {
      if (alarms.of(node)) return;
      const dead = kind === 'dead';
      const cause = dead ? 'machine-stopped' : 'machine-away';
      for (const one of heldOn(node, domain))
        tell(one, { type: dead ? 'MACHINE_DEAD' : 'MACHINE_AWAY' }, cause);
      if (!dead) void reconciler.pass(node);
    },
    started(_node, domain) {
      const away = hotOnDomain(decided, domain).filter(one => one.context.away);
      for (const node of new Set(away.map(one => one.context.vm.node))) void reconciler.pass(node);
    },
    deviceRemoved: (node, domain, alias) => withDisk(alias, disk => removed(node, domain, disk)),
    deviceAdded: (node, domain, alias) => withDisk(alias, disk => added(node, domain, disk)),
  };
  const unwatch = hypervisor.watch(watcher);
  return () => {
    unwatch();
    stopping.abort();
  };
}
