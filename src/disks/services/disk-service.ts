import type { DiskService } from '../service.ts';
import { afterRestart } from './after-restart.ts';
import { attachmentList } from './attachment-list.ts';
import { coldAttachments } from './cold-attachments.ts';
import { hotAttachments } from './hot-attachments.ts';
import { lifecycle } from './lifecycle.ts';
import type { Parts } from './parts.ts';
import { queries } from './queries.ts';
import { vmDetach } from './vm-detach.ts';

/** All operations on disks, for the API. See `DiskService` for their errors. */
export const createDiskService = (parts: Parts): DiskService => ({
  ...queries(parts),
  ...attachmentList(parts),
  ...lifecycle(parts),
  ...hotAttachments(parts),
  ...coldAttachments(parts),
  ...vmDetach(parts),
  ...afterRestart(parts),
});
