import type { DetachFacts } from '../../../machines/attachment-events.ts';
import { attachmentKey } from '../../../machines/notes.ts';
import type { Authority, VmLocation } from '../../../machines/vm-location.ts';
import type { Caller } from '../../accounts/caller.ts';
import { errorOf } from '../../errors.ts';
import { isHeld, type StoredAttachment } from '../records/records.ts';
import type { DiskService, Force, VmName } from '../service.ts';
import { NOWHERE } from '../vms/vm-locator.ts';
import type { Parts } from './parts.ts';
import { expectDone } from './results.ts';
import { mayDetach, runsTheCloud } from './rights.ts';

/** How often the facts are gathered if the VM's attachments change meanwhile. */
const ATTEMPTS = 5;

/** Whose authority a detach call has. Throws FORBIDDEN. */
export function authorityOf(caller: Caller, force: Force | undefined): Authority {
  if (!force) return runsTheCloud(caller) ? 'frontend' : 'nobody';
  if (caller.role !== 'admin') {
    throw errorOf('FORBIDDEN', { detail: 'only an administrator may vouch that a VM is gone' });
  }
  return 'administrator';
}

/**
 * What hosts report about the VM of an attachment. `disks`: those that count as held if the live domain could
 * not be read.
 */
export async function factsFor(
  { locator, alarms }: Pick<Parts, 'locator' | 'alarms'>,
  { context: { vm } }: StoredAttachment,
  disks: readonly string[],
  authority: Authority,
): Promise<DetachFacts> {
  const found: VmLocation = vm.domain === null ? await locator.findNamed(vm) : await locator.find(vm);
  const live = found.at === 'running' ? found.disks : [];
  const held = live === null ? disks : disks.filter(disk => live.includes(disk));
  return { found, held, alarm: alarms.of(vm.node) ?? null, authority };
}

/** Releases all disks of a VM that was killed: all of them or none. */
export function vmDetach(parts: Parts): Pick<DiskService, 'detach'> {
  const { system, decided, hypervisor, holders } = parts;

  function attachmentsOf(caller: Caller, name: VmName): readonly StoredAttachment[] {
    const found = decided.attachmentsOf(hypervisor.vm(name.node, name.vmId));
    const disks = found.map(one => decided.disk(one.context.disk));
    if (!mayDetach(caller, found, disks)) {
      throw errorOf('FORBIDDEN', { detail: `others have attached disks to VM '${name.vmId}'` });
    }
    return found;
  }

  async function findAll(
    attachments: readonly StoredAttachment[],
    authority: Authority,
  ): Promise<DetachFacts[]> {
    const disks = attachments.filter(isHeld).map(one => one.context.disk);
    const asked = new Map<string, Promise<DetachFacts>>();
    const facts = attachments.map(async one => {
      const key = isHeld(one) ? (one.context.vm.domain ?? '') : 'claimed';
      const nothing: DetachFacts = {
        found: NOWHERE,
        held: [],
        alarm: null,
        authority,
      };
      const asking = asked.get(key) ?? (isHeld(one) ? factsFor(parts, one, disks, authority) : nothing);
      asked.set(key, Promise.resolve(asking));
      return asking;
    });
    return Promise.all(facts);
  }

  /**
   * The VM's attachments at the moment of decision, each with its facts. Throws VM_HAS_NO_DISKS, FORBIDDEN,
   * ATTACH_IN_PROGRESS. The last also for an attachment that was made after the call came: who said then that
   * the VM is gone did not speak of that.
   */
  async function investigate(caller: Caller, name: VmName, authority: Authority) {
    const before = new Set(attachmentsOf(caller, name).map(one => one.context.id));
    for (let attempt = 1; ; attempt += 1) {
      const attachments = attachmentsOf(caller, name);
      if (attachments.length === 0) {
        await system.settled();
        throw errorOf('VM_HAS_NO_DISKS', { node: name.node, vm: name.vmId });
      }
      const facts = await findAll(attachments, authority);
      const now = attachmentsOf(caller, name);
      const same = now.length === attachments.length && now.every((one, index) => one === attachments[index]);
      if (same) return attachments.flatMap((attachment, index) => ({ attachment, facts: facts[index] }));
      const isNew = now.some(one => !before.has(one.context.id));
      if (isNew || attempt === ATTEMPTS)
        throw errorOf('ATTACH_IN_PROGRESS', { node: name.node, vm: name.vmId });
    }
  }

  return {
    async detach(caller, name, cause, force) {
      const authority = authorityOf(caller, force);
      const investigated = await investigate(caller, name, authority);
      const deliveries = investigated.flatMap(({ attachment, facts }) =>
        facts
          ? [{ to: attachmentKey(attachment.context.id), event: { type: 'DETACH' as const, ...facts } }]
          : [],
      );
      const uuids = [...new Set(investigated.map(({ attachment }) => attachment.context.disk))];
      const mayForce = caller.role === 'admin';
      const facts = { node: name.node, vm: name.vmId, disk: uuids.join(', '), mayForce };
      expectDone(await system.deliver(deliveries, force ? { ...cause, ...force } : cause), facts);
      for (const { attachment } of investigated) {
        holders.forget(attachment.context.disk, attachment.context.vm.domain ?? '');
      }
      return { uuids, ...(force ? { vouched: vouchedFor(name) } : {}) };
    },
  };
}

/** What an administrator confirms by force, as a sentence. */
export const vouchedFor = ({ node, vmId }: VmName): string =>
  `VM '${vmId}' on node '${node}' is gone and does not come back with its disks`;
