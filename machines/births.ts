import type { AttachmentBirth } from './attachment-events.ts';
import type { DiskBirth } from './disk-events.ts';

/** The fields of a new disk, copied by name. A field that is missing here is a compile error. */
export const diskBirth = ({
  uuid,
  owner,
  ownerId,
  tag,
  visibility,
  sizeGiB,
  limit,
}: DiskBirth): Required<DiskBirth> => ({ uuid, owner, ownerId, tag, visibility, sizeGiB, limit });

/** The fields of a new attachment, copied by name. A field that is missing here is a compile error. */
export const attachmentBirth = ({
  id,
  disk,
  node,
  vmId,
  vm,
  by,
  byId,
}: AttachmentBirth): Required<AttachmentBirth> => ({ id, disk, node, vmId, vm, by, byId });
