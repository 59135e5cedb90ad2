import type { Logger } from 'pino';
import type { AttachmentMessage } from '../../machines/attachment-events.ts';
import { attachmentKey } from '../../machines/notes.ts';
import type { Vm } from '../../machines/vm.ts';
import type { Hypervisor, NodeWatcher } from '../hypervisor/hypervisor.ts';
import type { CauseKind } from '../store/records.ts';
import type { Alarms } from './alarms.ts';
import type { Reconciler } from './reconcile.ts';
import { isHeld, type KeptAttachment } from './records.ts';
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

  function machine(node: string, domain: string): Vm {
    return { node, host: hypervisor.hostOf(node), names: [], domain };
  }

  const heldOn = (node: string, domain: string): KeptAttachment[] =>
    decided
      .attachmentsOf(machine(node, domain))
      .filter(one => isHeld(one) && one.context.mode === 'hot' && one.context.vm.node === node);

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
    const live = await hypervisor.liveDisks(machine(node, domain), now() + unplugMs);
    if (live && !live.includes(disk))
      for (const one of gone) tell(one, { type: 'DEVICE_GONE' }, 'device-removed');
  }

  /**
   * A hot-plugged device of ours that no attachment accounts for: a plug that was given up has come true after all. A disk that
   * is registered with a machine is left alone: its frontend may have plugged it.
   */
  async function added(node: string, domain: string, disk: string): Promise<void> {
    const ours = decided.disk(disk);
    const registered = ours?.context.users.some(user => user.mode === 'cold') ?? false;
    if (!ours || registered || heldOn(node, domain).some(one => one.context.disk === disk)) return;
    log.warn({ node, domain, disk }, 'a disk appeared that is not attached; it is unplugged');
    const deadline = now() + unplugMs;
    const outcome = await hypervisor.unplug(
      machine(node, domain),
      disk,
      deadline,
      AbortSignal.timeout(unplugMs),
    );
    if (outcome.kind !== 'unplugged')
      log.error({ node, domain, disk, outcome }, 'a disk that is not attached stays');
  }

  function withDisk(alias: string, act: (disk: string) => Promise<void>): void {
    const disk = ALIAS.exec(alias)?.[1];
    if (disk)
      act(disk).catch(error => log.warn({ disk, error: String(error) }, 'device event not followed up'));
  }

  const watcher: NodeWatcher = {
    up: node => void reconciler.pass(node),
    stopped(node, domain, kind) {
      if (alarms.of(node) || kind === 'saved') return;
      const migrated = kind === 'migrated';
      const event = migrated ? ({ type: 'MIGRATED' } as const) : ({ type: 'MACHINE_DEAD' } as const);
      const cause = migrated ? 'machine-migrated' : 'machine-stopped';
      for (const one of heldOn(node, domain)) tell(one, event, cause);
      if (migrated) void reconciler.pass(node);
    },
    deviceRemoved: (node, domain, alias) => withDisk(alias, disk => removed(node, domain, disk)),
    deviceAdded: (node, domain, alias) => withDisk(alias, disk => added(node, domain, disk)),
  };
  return hypervisor.watch(watcher);
}
