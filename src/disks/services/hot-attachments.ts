import { attachmentKey, diskKey } from '../../../machines/notes.ts';
import type { Caller } from '../../accounts/caller.ts';
import { errorOf } from '../../errors.ts';
import { isHeld, isKnown } from '../records/records.ts';
import type { DiskService } from '../service.ts';
import { forgetDeaths, heldIds, takenTargets } from '../vms/vm-attachments.ts';
import type { Parts } from './parts.ts';
import { disksOf, expectDone, findDisk, targetOf, unknownDisk } from './results.ts';
import { mayNameVms, maySee, mayUnplug } from './rights.ts';
import { usersInTheWay } from './users-in-the-way.ts';
import { authorityOf, factsFor, vouchedFor } from './vm-detach.ts';

/** Hot attach and hot detach. */
export function hotAttachments(parts: Parts): Pick<DiskService, 'hotattach' | 'hotdetach'> {
  const { system, decided, committed, hypervisor, hosts, strays, newId, now, vmAccess, questionMs } = parts;

  function expectUsable(caller: Caller, uuid: string): void {
    findDisk(committed, caller, uuid);
    if (!mayNameVms(caller, vmAccess)) {
      throw errorOf('FORBIDDEN', { detail: 'the setting vm_access leaves hotattach to the cloud frontend' });
    }
  }

  return {
    async hotattach(caller, uuid, name, cause) {
      expectUsable(caller, uuid);
      const [running, holder] = await Promise.all([
        hypervisor.resolve(name.node, name.vmId, now() + questionMs),
        strays.holderOf(uuid),
      ]);
      if (!parts.stands(caller)) throw errorOf('UNAUTHENTICATED');
      expectUsable(caller, uuid);
      const { vm } = running;
      const id = newId();
      const birth = {
        id,
        disk: uuid,
        node: name.node,
        vmId: name.vmId,
        vm,
        by: caller.account,
        byId: caller.id,
      };
      const vmNow = {
        attachments: heldIds(decided, vm),
        taken: [...running.targets, ...takenTargets(decided, vm, running.disks)],
        isThere: running.disks.includes(uuid),
        holder,
        nodeIsDead: hosts.declaration(vm.node) !== null,
      };
      const event = { type: 'HOTATTACH' as const, ...birth, ...vmNow };
      const outcome = await system.deliver(
        [{ to: diskKey(uuid), event }, ...forgetDeaths(decided, vm)],
        cause,
        attachmentKey(id),
      );
      const users = usersInTheWay(decided, caller, decided.disk(uuid), outcome.refused?.code);
      expectDone(outcome, { disk: uuid, node: name.node, vm: name.vmId, ...users });
      return { target: targetOf(outcome.context), uuids: disksOf(committed, vm) };
    },

    async hotdetach(caller, uuid, name, cause, force) {
      const mayForce = caller.role === 'admin';
      const facts = { disk: uuid, node: name.node, vm: name.vmId, mayForce };
      const disk = committed.disk(uuid);
      const here = decided
        .attachmentsOf(hypervisor.vm(name.node, name.vmId))
        .filter(one => one.context.disk === uuid);
      const attachment =
        here.findLast(one => isHeld(one) && one.context.mode === 'hot') ??
        here.findLast(isHeld) ??
        here.at(-1);
      if (!disk || !isKnown(disk)) throw unknownDisk(uuid);
      if (!attachment && maySee(caller, disk)) {
        await system.settled();
        throw errorOf('ATTACHMENT_UNKNOWN', facts);
      }
      if (!attachment || !(maySee(caller, disk) || mayUnplug(caller, disk, attachment)))
        throw unknownDisk(uuid);
      if (!mayUnplug(caller, disk, attachment)) {
        throw errorOf('FORBIDDEN', { detail: `somebody else attached disk ${uuid} to this VM` });
      }
      const key = attachmentKey(attachment.context.id);
      const forced = force && (await factsFor(parts, attachment, [uuid], authorityOf(caller, force)));
      // A device that was plugged after the inspection began may be missing from it.
      if (forced && decided.attachment(attachment.context.id) !== attachment)
        throw errorOf('ATTACH_IN_PROGRESS', facts);
      const event = { type: 'HOTDETACH' as const, ...(forced ? { forced } : {}) };
      const outcome = await system.deliver([{ to: key, event }], force ? { ...cause, ...force } : cause, key);
      expectDone(outcome, facts);
      if (force) parts.holders.forget(uuid, attachment.context.vm.domain ?? '');
      return {
        target: targetOf(outcome.context),
        uuids: disksOf(committed, attachment.context.vm),
        ...(force ? { vouched: vouchedFor(name) } : {}),
      };
    },
  };
}
