import { attachmentKey, diskKey } from '../../../machines/notes.ts';
import type { Vm } from '../../../machines/vm.ts';
import type { Caller } from '../../accounts/caller.ts';
import { errorOf } from '../../errors.ts';
import { isHeld, type StoredAttachment } from '../records/records.ts';
import type { DiskService } from '../service.ts';
import { forgetDeaths, heldIds, takenTargets } from '../vms/vm-attachments.ts';
import type { Parts } from './parts.ts';
import { disksOf, expectDone, findDisk } from './results.ts';
import { made, mayNameVms, mayRegister, runsTheCloud } from './rights.ts';

/**
 * How many VMs a disk may be registered with if its limit is lower: the disk's record contains all its users
 * and is written as a whole.
 */
const MAX_REGISTERED_VMS = 64;
/**
 * How many disks an account that is neither frontend nor administrator may register with one VM, which has 25
 * targets.
 */
const MAX_DISKS_PER_VM = 8;

/**
 * Cold attach: registers VMs with disks before their launch. It records a fact, asks no node, and also works
 * for nodes that are not configured.
 */
export function coldAttachments(parts: Parts): Pick<DiskService, 'attach' | 'element'> {
  const { system, decided, committed, hypervisor, pool, newId, vmAccess } = parts;

  function registrable(caller: Caller, uuid: string): void {
    const disk = findDisk(committed, caller, uuid);
    if (!mayRegister(caller, disk)) {
      throw errorOf('FORBIDDEN', { detail: `disk ${uuid} belongs to somebody else` });
    }
    if (!mayNameVms(caller, vmAccess)) {
      throw errorOf('FORBIDDEN', { detail: 'the setting vm_access leaves attach to the cloud frontend' });
    }
  }

  const attachmentOn = (vm: Vm, uuid: string): StoredAttachment | undefined =>
    decided.attachmentsOf(vm).findLast(one => isHeld(one) && one.context.disk === uuid);

  /** How many more disks an account may register with a VM. */
  function disksLeft(caller: Caller, vm: Vm): number {
    if (runsTheCloud(caller)) return Number.POSITIVE_INFINITY;
    const own = decided
      .attachmentsOf(vm)
      .filter(one => isHeld(one) && one.context.mode === 'cold' && made(caller, one));
    return MAX_DISKS_PER_VM - own.length;
  }

  return {
    async attach(caller, uuid, name, cause) {
      registrable(caller, uuid);
      const vm = hypervisor.vm(name.node, name.vmId);
      const birth = {
        id: newId(),
        disk: uuid,
        node: name.node,
        vmId: name.vmId,
        vm,
        by: caller.account,
        byId: caller.id,
      };
      const bounds = { mostUsers: MAX_REGISTERED_VMS, disksLeft: disksLeft(caller, vm) };
      const outcome = await system.deliver(
        [
          {
            to: diskKey(uuid),
            event: { type: 'ATTACH', ...birth, ...bounds, attachments: heldIds(decided, vm) },
          },
          ...forgetDeaths(decided, vm),
        ],
        cause,
      );
      expectDone(outcome, { disk: uuid, node: name.node, vm: name.vmId });
      return { uuids: disksOf(committed, vm) };
    },

    async element(caller, uuid, name, target, cause) {
      registrable(caller, uuid);
      const facts = { disk: uuid, node: name.node, vm: name.vmId };
      const vm = hypervisor.vm(name.node, name.vmId);
      const attachment = attachmentOn(vm, uuid);
      if (!attachment) {
        await system.settled();
        throw errorOf('ATTACHMENT_UNKNOWN', facts);
      }
      const taken = takenTargets(decided, vm).filter(letter => letter !== attachment.context.target);
      const key = attachmentKey(attachment.context.id);
      const promise = { type: 'PROMISE' as const, target: target ?? null, taken };
      expectDone(await system.deliver([{ to: key, event: promise }], cause), facts);
      const stored = committed.attachment(attachment.context.id)?.context;
      if (!stored?.target) throw errorOf('ATTACHMENT_UNKNOWN', facts);
      const { shareable } = stored;
      return hypervisor.diskElement({
        disk: uuid,
        source: pool.source(uuid),
        target: stored.target,
        shareable,
      });
    },
  };
}
