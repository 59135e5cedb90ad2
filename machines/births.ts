import type { AttachmentBirth } from './attachment-events.ts';
import type { DiskBirth } from './disk-events.ts';

/** What is known of a disk that begins, and nothing else. It does not compile while a field is left out. */
export const diskBirth = ({
  uuid,
  owner,
  ownerId,
  tag,
  visibility,
  sizeGiB,
  limit,
}: DiskBirth): Required<DiskBirth> => ({ uuid, owner, ownerId, tag, visibility, sizeGiB, limit });

/** The same of an attachment. */
export const attachmentBirth = ({
  id,
  disk,
  node,
  vmId,
  vm,
  by,
  byId,
}: AttachmentBirth): Required<AttachmentBirth> => ({ id, disk, node, vmId, vm, by, byId });
