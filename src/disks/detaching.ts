import type { MachineFindings } from '../../machines/attachment-events.ts';
import type { AttachmentContext } from '../../machines/attachment-parts.ts';
import { attachmentKey } from '../../machines/notes.ts';
import { errorOf, PdiskError, reasonOf } from '../errors.ts';
import { expectDone } from './answers.ts';
import type { Parts } from './parts.ts';
import type { KeptAttachment } from './records.ts';
import { mayDetach } from './rights.ts';
import type { Caller, DiskService, VmName } from './service.ts';

/** How often findings are taken anew because the machine's attachments changed meanwhile. */
const ATTEMPTS = 5;

/** Releasing all disks of a machine that was killed: all of them or none. */
export function detaching(parts: Parts): Pick<DiskService, 'detach'> {
  const { system, decided, hypervisor } = parts;

  function attachmentsOf(caller: Caller, name: VmName): readonly KeptAttachment[] {
    const found = decided.attachmentsOf(hypervisor.vm(name.node, name.vmId));
    const facts = { node: name.node, vm: name.vmId };
    if (found.length === 0) throw errorOf('VM_HAS_NO_DISKS', facts);
    const disks = found.map(one => decided.disk(one.context.disk));
    if (!mayDetach(caller, found, disks)) {
      throw errorOf('FORBIDDEN', { detail: `others have attached disks to VM '${name.vmId}'` });
    }
    return found;
  }

  /**
   * What is known of the machine behind an attachment. The frontend may vouch for the end of a machine that is away: its old node
   * cannot know, and nobody else does.
   */
  async function findings(
    { vm, mode, away }: AttachmentContext,
    disks: readonly string[],
    mayVouch: boolean,
  ): Promise<MachineFindings> {
    if (!hypervisor.isConfigured(vm.node)) return { machine: 'unmanaged', held: [] };
    try {
      const live = await hypervisor.liveDisks(vm, parts.now() + parts.questionMs);
      if (live) return { machine: 'running', held: disks.filter(disk => live.includes(disk)) };
    } catch (error) {
      if (error instanceof PdiskError) return { machine: 'unknown', held: [], doubt: reasonOf(error) };
      throw error;
    }
    if (mode === 'cold') return { machine: 'gone', held: [] };
    const { fate, doubt } = await parts.fate(vm);
    if (fate === 'active' || fate === 'saved') return { machine: 'running', held: disks };
    if (!away && fate === 'dead') return { machine: 'gone', held: [] };
    if (away && mayVouch) return { machine: 'unmanaged', held: [] };
    return { machine: 'unknown', held: [], doubt: away ? 'it was saved to a file, or has migrated' : doubt };
  }

  async function findAll(caller: Caller, attachments: readonly KeptAttachment[]) {
    const disks = attachments.filter(one => one.state !== 'unclaimed').map(one => one.context.disk);
    const asked = new Map<string, Promise<MachineFindings>>();
    const found = attachments.map(async ({ state, context }) => {
      if (state === 'unclaimed') return { machine: 'gone' as const, held: [] };
      const machine = context.vm.domain ?? '';
      const asking = asked.get(machine) ?? findings(context, disks, caller.role !== 'user');
      asked.set(machine, asking);
      return asking;
    });
    return Promise.all(found);
  }

  /** The findings, and the attachments that they are about: those that the machine has at the moment of decision. */
  async function investigate(caller: Caller, name: VmName) {
    for (let attempt = 1; ; attempt += 1) {
      const attachments = attachmentsOf(caller, name);
      const found = await findAll(caller, attachments);
      const now = attachmentsOf(caller, name);
      const same = now.length === attachments.length && now.every((one, index) => one === attachments[index]);
      if (same) return attachments.map((attachment, index) => ({ attachment, findings: found[index] }));
      if (attempt === ATTEMPTS) throw errorOf('ATTACH_IN_PROGRESS', { node: name.node, vm: name.vmId });
    }
  }

  return {
    async detach(caller, name, cause) {
      const investigated = await investigate(caller, name);
      const deliveries = investigated.map(({ attachment, findings }) => ({
        to: attachmentKey(attachment.context.id),
        event: { type: 'DETACH' as const, ...(findings ?? { machine: 'unknown', held: [] }) },
      }));
      const uuids = [...new Set(investigated.map(({ attachment }) => attachment.context.disk))];
      const facts = { node: name.node, vm: name.vmId, disk: uuids.join(', ') };
      expectDone(await system.deliver(deliveries, cause), facts);
      return { uuids };
    },
  };
}
