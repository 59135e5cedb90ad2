import { createHash } from 'node:crypto';
import { partyOf } from '../../charts/parties.ts';
import { errorOf } from '../../errors.ts';
import type { RecordIndex } from '../records/record-index.ts';
import type { StoredAttachment, StoredDisk } from '../records/records.ts';
import type { AttachmentDetails, DiskDetails, Waiting } from '../service.ts';
import { isAway } from '../vms/doubt.ts';

const none: readonly StoredAttachment[] = [];

/** The attachments that count as users of a disk, in order of attachment. */
function attachmentsOf(records: RecordIndex, disk: StoredDisk): readonly StoredAttachment[] {
  const { users } = disk.context;
  return users.length === 0 ? none : users.flatMap(({ attachment }) => records.attachment(attachment) ?? []);
}

export function attachmentDetails({ state, context }: StoredAttachment, shown: boolean): AttachmentDetails {
  const { id, node, vmId, vm, target, mode, since, by, seen, doubt, diverted } = context;
  const away = isAway({ seen });
  const onVm = shown ? { node, vmId, domain: vm.domain, target } : null;
  const hosts = shown ? { doubt, diverted } : { doubt: null, diverted: null };
  return { id, state, mode, since, away, ...hosts, by: shown ? by : null, onVm };
}

/** What a disk and its attachments wait for. */
export function waitingOf(records: RecordIndex, disk: StoredDisk): Waiting[] {
  const { deadline } = disk.context;
  const own: Waiting[] = deadline !== null ? [{ for: 'pool', attachment: null, until: deadline }] : [];
  const others = attachmentsOf(records, disk).flatMap((one): Waiting[] => {
    const party = partyOf(one);
    const { id, deadline: until } = one.context;
    return party === null ? [] : [{ for: party, attachment: id, until }];
  });
  return [...own, ...others];
}

/** The full view of a disk. `shows`: whether the view names the VM and the account of an attachment. */
export function detailsOf(
  records: RecordIndex,
  disk: StoredDisk,
  shows: (attachment: StoredAttachment) => boolean,
): DiskDetails {
  const { uuid, owner, tag, visibility, sizeGiB, created, users, limit, undo, wiped } = disk.context;
  const attachments = attachmentsOf(records, disk);
  const error = undo && errorOf(undo.code, { disk: uuid, detail: undo.detail });
  return {
    uuid,
    owner,
    tag,
    visibility,
    sizeGiB,
    created,
    users: users.length,
    limit,
    state: disk.state,
    reason: error && { code: error.code, message: error.messages[0] ?? '' },
    attachments: attachments.map(one => attachmentDetails(one, shows(one))),
    waiting: waitingOf(records, disk),
    wiped: wiped === null ? null : percentOf(wiped),
  };
}

/** How much of a volume is wiped, in percent. */
export const percentOf = ({ bytes, of }: { bytes: number; of: number }): number =>
  of === 0 ? 100 : Math.floor((100 * bytes) / of);

const versions = new WeakMap<
  StoredDisk,
  { readonly attachments: readonly StoredAttachment[]; readonly version: string }
>();

/**
 * A hash of a disk's full view: the same as long as the disk and its attachments do not change, also across a
 * restart.
 */
export function versionOf(records: RecordIndex, disk: StoredDisk): string {
  const attachments = attachmentsOf(records, disk);
  const known = versions.get(disk);
  const isSame = known?.attachments.every((one, index) => one === attachments[index]);
  if (known && isSame && known.attachments.length === attachments.length) return known.version;
  const text = JSON.stringify(detailsOf(records, disk, () => true));
  const version = createHash('sha256').update(text).digest('base64url').slice(0, 22);
  versions.set(disk, { attachments, version });
  return version;
}
