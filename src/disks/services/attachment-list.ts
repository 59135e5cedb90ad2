import { attachmentKey } from '../../../machines/notes.ts';
import type { Caller } from '../../accounts/caller.ts';
import { partyOf } from '../../charts/parties.ts';
import type { StoredAttachment } from '../records/records.ts';
import type { AttachmentChoice, AttachmentPosition, DiskService, ListedAttachment } from '../service.ts';
import { attachmentDetails } from './details.ts';
import type { Parts } from './parts.ts';
import { made, maySeeUse, runsTheCloud } from './rights.ts';

const isBefore = (a: AttachmentPosition, b: AttachmentPosition): boolean =>
  a.since === b.since ? a.id < b.id : a.since < b.since;

const inOrder = (a: StoredAttachment, b: StoredAttachment): number =>
  isBefore(a.context, b.context) ? -1 : 1;

/** Lists attachments. Readers see committed records only. */
export function attachmentList({
  committed,
  hypervisor,
  system,
}: Pick<Parts, 'committed' | 'hypervisor' | 'system'>): Pick<DiskService, 'attachments'> {
  const isChosen = (one: StoredAttachment, { state, waiting, node, after }: AttachmentChoice): boolean =>
    (state ?? one.state) === one.state &&
    (waiting === undefined || partyOf(one) === waiting) &&
    (node === undefined || hypervisor.nodeKey(node) === one.context.vm.node) &&
    (after === undefined || isBefore(after, one.context));

  /** An attachment may outlive its disk: the claim of a VM's death. */
  function isShown(caller: Caller, one: StoredAttachment): boolean {
    const disk = committed.disk(one.context.disk);
    return disk ? maySeeUse(caller, disk, one) : runsTheCloud(caller) || made(caller, one);
  }

  function listed(one: StoredAttachment): ListedAttachment {
    const { id, disk, deadline: until, doubt } = one.context;
    const party = partyOf(one);
    const since = party === 'person' ? doubt?.since : system.waitOf(attachmentKey(id));
    return {
      disk,
      attachment: attachmentDetails(one, true),
      waiting: party && { for: party, since: since ?? null, until },
    };
  }

  return {
    attachments(caller, choice) {
      let oldest: StoredAttachment[] = [];
      for (const one of committed.attachments()) {
        if (!isChosen(one, choice) || !isShown(caller, one)) continue;
        oldest.push(one);
        // The list is cut from time to time, so that its size depends on the page, not on all attachments.
        if (oldest.length > 4 * choice.most) oldest = oldest.sort(inOrder).slice(0, choice.most);
      }
      return oldest.sort(inOrder).slice(0, choice.most).map(listed);
    },
  };
}
