import type { z } from 'zod';
import type { AttachmentDetails, DiskDetails, Waiting } from '../../disks/service.ts';
import type { detailsSchema } from '../description/detail-schema.ts';
import type { LongBody } from '../http/answer.ts';
import { longList } from '../http/long-list.ts';
import { instant } from './event-text.ts';

/** The keys of an attachment. */
export const attachmentKeys = ({
  id,
  state,
  mode,
  since,
  away,
  doubt,
  diverted,
  by,
  onVm,
}: AttachmentDetails) => ({
  id,
  state,
  mode,
  node: onVm?.node ?? null,
  vm_id: onVm?.vmId ?? null,
  domain: onVm?.domain ?? null,
  target: onVm?.target ?? null,
  since: instant(since),
  by,
  away,
  doubt: doubt && { message: doubt.detail, since: instant(doubt.since) },
  diverted,
});

const waitingKeys = ({ for: whom, attachment, until }: Waiting) => ({
  for: whom,
  attachment,
  until: until === null ? null : instant(until),
});

/** A disk in the view `full`: numbers are JSON numbers, times are RFC 3339. */
export const detailKeys = (disk: DiskDetails): z.infer<typeof detailsSchema> => ({
  uuid: disk.uuid,
  tag: disk.tag,
  owner: disk.owner,
  visibility: disk.visibility,
  size: disk.sizeGiB,
  created: instant(disk.created),
  state: disk.state,
  reason: disk.reason,
  limit: disk.limit,
  users: disk.users,
  remaining: Math.max(0, disk.limit - disk.users),
  attachments: disk.attachments.map(attachmentKeys),
  waiting: disk.waiting.map(waitingKeys),
  wiped: disk.wiped,
});

/** An attachment in the list of a VM's disks. The list itself names the node and the VM. */
export const attachmentOnVmKeys = (disk: string, attachment: AttachmentDetails) => {
  const { node: _, vm_id: __, ...keys } = attachmentKeys(attachment);
  return { disk, ...keys };
};

/** Many disks in the view `full`, as a JSON array. Rejects with BUSY. See `longList`. */
export const representDetails = (disks: () => readonly DiskDetails[]): Promise<LongBody> =>
  longList(disks, detailKeys);
