import { attachmentKey, diskKey } from '../../machines/notes.ts';
import type { Vm } from '../../machines/vm.ts';
import { errorOf } from '../errors.ts';
import { disksOf, expectDone, unknownDisk } from './answers.ts';
import { forgetDeaths, takenTargets } from './machine.ts';
import type { Parts } from './parts.ts';
import { isHeld, isKnown, type KeptAttachment } from './records.ts';
import { mayRegister, maySee } from './rights.ts';
import type { Caller, DiskService } from './service.ts';

/** Registering machines with disks before their launch. It records a fact, asks no node, and works for nodes that are not configured. */
export function registering(parts: Parts): Pick<DiskService, 'attach' | 'element'> {
  const { system, decided, committed, hypervisor, pool, newId } = parts;

  function registrable(caller: Caller, uuid: string): void {
    const disk = committed.disk(uuid);
    if (!disk || !isKnown(disk) || !maySee(caller, disk)) throw unknownDisk(uuid);
    if (!mayRegister(caller, disk)) {
      throw errorOf('FORBIDDEN', { detail: `disk ${uuid} belongs to somebody else` });
    }
  }

  const attachmentOn = (vm: Vm, uuid: string): KeptAttachment | undefined =>
    decided.attachmentsOf(vm).findLast(one => isHeld(one) && one.context.disk === uuid);

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
      const outcome = await system.deliver(
        [{ to: diskKey(uuid), event: { type: 'ATTACH', ...birth } }, ...forgetDeaths(decided, vm)],
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
      if (!attachment) throw errorOf('ATTACHMENT_UNKNOWN', facts);
      const taken = takenTargets(decided, vm).filter(letter => letter !== attachment.context.target);
      const key = attachmentKey(attachment.context.id);
      const promise = { type: 'PROMISE' as const, target: target ?? null, taken };
      expectDone(await system.deliver([{ to: key, event: promise }], cause), facts);
      const kept = committed.attachment(attachment.context.id)?.context;
      if (!kept?.target) throw errorOf('ATTACHMENT_UNKNOWN', facts);
      const { shareable } = kept;
      return hypervisor.diskElement({
        disk: uuid,
        source: pool.source(uuid),
        target: kept.target,
        shareable,
      });
    },
  };
}
