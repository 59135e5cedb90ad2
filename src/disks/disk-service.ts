import { detaching } from './detaching.ts';
import { finding } from './finding.ts';
import { interrupted } from './interrupted.ts';
import { keeping } from './keeping.ts';
import type { Parts } from './parts.ts';
import { plugging } from './plugging.ts';
import { registering } from './registering.ts';
import type { DiskService } from './service.ts';

/** All operations on disks, for the API. */
export const createDiskService = (parts: Parts): DiskService => ({
  ...finding(parts),
  ...keeping(parts),
  ...plugging(parts),
  ...registering(parts),
  ...detaching(parts),
  ...interrupted(parts),
});
