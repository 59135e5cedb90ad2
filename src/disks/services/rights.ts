import type { Caller } from '../../accounts/caller.ts';
import { isKnown, type StoredAttachment, type StoredDisk } from '../records/records.ts';

/** Whether the caller is the cloud's frontend or an administrator. */
export const runsTheCloud = ({ role }: Caller): boolean => role === 'service' || role === 'admin';

const owns = ({ account, id }: Caller, { context }: StoredDisk): boolean =>
  context.owner === account && context.ownerId === id;

/** Whether the caller's account made the attachment; an earlier account with the same name does not count. */
export const made = ({ account, id }: Caller, { context }: StoredAttachment): boolean =>
  context.by === account && context.byId === id;

/**
 * Whether the caller may see, list and hot attach a disk: the owner; everybody, if it is public; the frontend
 * and administrators.
 */
export const maySee = (caller: Caller, disk: StoredDisk): boolean =>
  runsTheCloud(caller) || owns(caller, disk) || disk.context.visibility === 'public';

/**
 * Whether the caller may see and use a disk now: as `maySee`, and the disk is neither being created nor
 * deleted.
 */
export const mayFind = (caller: Caller, disk: StoredDisk): boolean => isKnown(disk) && maySee(caller, disk);

/** Whether the caller may delete or change a disk: the owner and administrators. */
export const mayDelete = (caller: Caller, disk: StoredDisk): boolean =>
  caller.role === 'admin' || owns(caller, disk);

/** Whether the caller may set the user limit of a disk: administrators. */
export const maySetLimit = (caller: Caller): boolean => caller.role === 'admin';

/**
 * Whether the caller may choose the VM that gets a disk, since pdisk does not know a VM's owner. `service`:
 * only the frontend and administrators.
 */
export const mayNameVms = (caller: Caller, vmAccess: 'any' | 'service'): boolean =>
  runsTheCloud(caller) || vmAccess === 'any';

/**
 * Whether the caller may register a VM before its launch: the owner of the disk, the frontend and
 * administrators.
 */
export const mayRegister = (caller: Caller, disk: StoredDisk): boolean =>
  runsTheCloud(caller) || owns(caller, disk);

/**
 * Whether the caller may see the chart's state of a disk: everybody who may see the disk; if it is being
 * created or deleted, the owner, the frontend and administrators.
 */
export const mayInspect = (caller: Caller, disk: StoredDisk): boolean =>
  isKnown(disk) ? maySee(caller, disk) : runsTheCloud(caller) || owns(caller, disk);

/**
 * Whether the caller may see all VMs and accounts that use a disk: the owner, the frontend and
 * administrators. Users of a public disk see only their own attachments.
 */
export const maySeeUsers = (caller: Caller, disk: StoredDisk): boolean =>
  runsTheCloud(caller) || owns(caller, disk);

/** Whether the caller may see the VM and the account of one attachment. */
export const maySeeUse = (caller: Caller, disk: StoredDisk, attachment: StoredAttachment): boolean =>
  maySeeUsers(caller, disk) || made(caller, attachment);

/**
 * Whether the caller may unplug a disk: the account that attached it, the owner, the frontend and
 * administrators; also after the disk became private.
 */
export const mayUnplug = (caller: Caller, disk: StoredDisk, attachment: StoredAttachment): boolean =>
  runsTheCloud(caller) || owns(caller, disk) || made(caller, attachment);

/**
 * Whether the caller may detach a VM: the frontend and administrators; others only if they made all of its
 * attachments or own all of its disks.
 */
export const mayDetach = (
  caller: Caller,
  attachments: readonly StoredAttachment[],
  disks: readonly (StoredDisk | undefined)[],
): boolean =>
  runsTheCloud(caller) ||
  attachments.every(attachment => made(caller, attachment)) ||
  disks.every(disk => disk !== undefined && owns(caller, disk));
