import { attachmentKey } from '../../machines/notes.ts';
import type { Vm } from '../../machines/vm.ts';
import { isHeld, type KeptAttachment, type KeptDisk } from './records.ts';
import type { Shelf } from './shelf.ts';
import type { Delivery } from './step.ts';

/**
 * The target letters that a machine's attachments have reserved or been promised. `running`: the disks of the machine that is seen to run;
 * what was promised to one that it was launched without is free again.
 */
export const takenTargets = (shelf: Shelf, vm: Vm, running?: readonly string[]): string[] =>
  shelf.attachmentsOf(vm).flatMap(one => {
    const { mode, disk, target } = one.context;
    const isMissing = mode === 'cold' && running !== undefined && !running.includes(disk);
    return (isHeld(one) && !isMissing && target) || [];
  });

/** A machine that uses a disk again has been started anew: its earlier death can no longer be claimed by a detach. */
export const forgetDeaths = (shelf: Shelf, vm: Vm): Delivery[] =>
  shelf
    .attachmentsOf({ ...vm, domain: null })
    .filter(one => !isHeld(one))
    .map(one => ({ to: attachmentKey(one.context.id), event: { type: 'FORGET' } }));

/** The hot-plugged disks of a domain, by its UUID alone: one libvirt may be linked under two names. */
export const hotOnDomain = (shelf: Shelf, domain: string): KeptAttachment[] =>
  shelf
    .attachmentsOf({ host: '', node: '', names: [], domain })
    .filter(one => isHeld(one) && one.context.mode === 'hot');

/**
 * Whether the disk's users account for its device in this live domain: one of that domain, or one that was registered with a
 * machine of its name before the launch, on whatever node.
 */
export const isAccountedFor = (disk: KeptDisk, domain: { uuid: string; name: string }): boolean =>
  disk.context.users.some(({ vm }) =>
    vm.domain === null ? vm.names.includes(domain.name) : vm.domain === domain.uuid,
  );
