import { attachmentKey } from '../../../machines/notes.ts';
import { sameVm, type Vm } from '../../../machines/vm.ts';
import type { DomainName } from '../../hypervisor/hypervisor.ts';
import type { Delivery } from '../actors/step.ts';
import type { RecordIndex } from '../records/record-index.ts';
import { isHeld, type StoredAttachment } from '../records/records.ts';

/**
 * The targets that a VM's attachments have reserved or been promised. `running`: the disks of the VM if it
 * runs; the target promised to a disk without which it was launched is free again.
 */
export const takenTargets = (records: RecordIndex, vm: Vm, running?: readonly string[]): string[] =>
  records.attachmentsOf(vm).flatMap(one => {
    const { mode, disk, target } = one.context;
    const isMissing = mode === 'cold' && running !== undefined && !running.includes(disk);
    return (isHeld(one) && !isMissing && target) || [];
  });

/** Ids of the attachments of a VM that count as users. */
export const heldIds = (records: RecordIndex, vm: Vm): string[] =>
  records.attachmentsOf(vm).flatMap(one => (isHeld(one) ? one.context.id : []));

/**
 * Messages to end the claims of a VM's earlier death: a VM that uses a disk again has been started again, so
 * no detach call for that death will come. It may have died on another node, where its domain has the same
 * UUID; and its name may have belonged to another domain.
 */
export function forgetDeaths(records: RecordIndex, vm: Vm): Delivery[] {
  const all = [...records.attachmentsOf(vm), ...records.attachmentsOf({ ...vm, domain: null })];
  const ids = new Set(all.filter(one => !isHeld(one)).map(one => one.context.id));
  return [...ids].map(id => ({ to: attachmentKey(id), event: { type: 'FORGET' } }));
}

/** The attachments of a domain, by its UUID alone: one libvirtd may be linked under two names. */
export const heldByDomain = (records: RecordIndex, domain: string): StoredAttachment[] =>
  records.attachmentsOf({ host: '', node: '', names: [], domain }).filter(isHeld);

/**
 * The attachments of a disk that may account for its device in a live domain: those of that domain, or
 * registered for a VM of its name.
 */
export const accountingFor = (records: RecordIndex, disk: string, domain: DomainName): StoredAttachment[] => {
  const users = records.disk(disk)?.context.users ?? [];
  const attachments = users.flatMap(user => records.attachment(user.attachment) ?? []);
  return attachments.filter(({ context: { vm } }) =>
    vm.domain === null ? vm.names.includes(domain.name) : vm.domain === domain.uuid,
  );
};

/**
 * Whether the records show a disk as hot-plugged into this domain, and not as registered for it: then it is
 * in the definition by mistake. A registered disk is in the definition on purpose; of a disk without a record
 * nothing is known.
 */
export function hotPlugged(records: RecordIndex, disk: string, domain: string): boolean {
  const attachments = records.attachmentsFor(disk);
  return attachments.some(one => {
    const { mode, vm } = one.context;
    if (mode !== 'hot' || vm.domain !== domain) return false;
    return !attachments.some(({ context }) => context.mode === 'cold' && sameVm(context.vm, vm));
  });
}
