import { attachmentKey } from '../../../machines/notes.ts';
import { sameVm, type Vm } from '../../../machines/vm.ts';
import type { DomainName } from '../../hypervisor/hypervisor.ts';
import type { Delivery } from '../actors/step.ts';
import type { RecordIndex } from '../records/record-index.ts';
import { isHeld, type StoredAttachment } from '../records/records.ts';

/**
 * The target letters that a machine's attachments have reserved or been promised. `running`: the disks of the machine that is seen to run;
 * what was promised to one that it was launched without is free again.
 */
export const takenTargets = (shelf: RecordIndex, vm: Vm, running?: readonly string[]): string[] =>
  shelf.attachmentsOf(vm).flatMap(one => {
    const { mode, disk, target } = one.context;
    const isMissing = mode === 'cold' && running !== undefined && !running.includes(disk);
    return (isHeld(one) && !isMissing && target) || [];
  });

/** Ids of the attachments that a machine has. */
export const heldIds = (shelf: RecordIndex, vm: Vm): string[] =>
  shelf.attachmentsOf(vm).flatMap(one => (isHeld(one) ? one.context.id : []));

/** A machine that uses a disk again has been started anew: its earlier death can no longer be claimed by a detach. */
export const forgetDeaths = (shelf: RecordIndex, vm: Vm): Delivery[] =>
  shelf
    .attachmentsOf({ ...vm, domain: null })
    .filter(one => !isHeld(one))
    .map(one => ({ to: attachmentKey(one.context.id), event: { type: 'FORGET' } }));

/** The attachments that are known to be of a domain, by its UUID alone: one libvirt may be linked under two names. */
export const heldByDomain = (shelf: RecordIndex, domain: string): StoredAttachment[] =>
  shelf.attachmentsOf({ host: '', node: '', names: [], domain }).filter(isHeld);

/** The attachments of a disk that may account for its device in a live domain: of that domain, or registered for one of its name. */
export const accountingFor = (shelf: RecordIndex, disk: string, domain: DomainName): StoredAttachment[] => {
  const users = shelf.disk(disk)?.context.users ?? [];
  const attachments = users.flatMap(user => shelf.attachment(user.attachment) ?? []);
  return attachments.filter(({ context: { vm } }) =>
    vm.domain === null ? vm.names.includes(domain.name) : vm.domain === domain.uuid,
  );
};

/**
 * Whether a disk was hot-plugged into a domain, the last time that it was attached to it: then nobody meant it to be in the definition. One
 * that is, or was, registered is there on purpose, and of one that no record tells of nobody knows.
 */
export function hotPlugged(shelf: RecordIndex, disk: string, domain: string): boolean {
  const attachments = shelf.attachmentsFor(disk);
  return attachments.some(one => {
    const { mode, vm } = one.context;
    if (mode !== 'hot' || vm.domain !== domain) return false;
    return !attachments.some(({ context }) => context.mode === 'cold' && sameVm(context.vm, vm));
  });
}
