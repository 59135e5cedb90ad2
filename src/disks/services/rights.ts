import type { Caller } from '../../accounts/caller.ts';
import { isKnown, type StoredAttachment, type StoredDisk } from '../records/records.ts';

/** The frontend and administrators. */
export const runsTheCloud = ({ role }: Caller): boolean => role === 'service' || role === 'admin';

const owns = ({ account, id }: Caller, { context }: StoredDisk): boolean =>
  context.owner === account && context.ownerId === id;

/** Whether this very account made the attachment, and not one that had its name before. */
export const made = ({ account, id }: Caller, { context }: StoredAttachment): boolean =>
  context.by === account && context.byId === id;

/** See, list, hotattach: private disks by their owner, public ones by everybody. */
export const maySee = (caller: Caller, disk: StoredDisk): boolean =>
  runsTheCloud(caller) || owns(caller, disk) || disk.context.visibility === 'public';

/** See and use as it is: nothing else is known of a disk that is being made or removed. */
export const mayFind = (caller: Caller, disk: StoredDisk): boolean => isKnown(disk) && maySee(caller, disk);

/** Delete, change. */
export const mayDelete = (caller: Caller, disk: StoredDisk): boolean =>
  caller.role === 'admin' || owns(caller, disk);

/** How many machines may use a disk at once: administrators. */
export const maySetLimit = (caller: Caller): boolean => caller.role === 'admin';

/** Name a machine that is to get a disk: pdisk does not know whose it is. `service`: only the frontend and administrators. */
export const mayNameVms = (caller: Caller, vmAccess: 'any' | 'service'): boolean =>
  runsTheCloud(caller) || vmAccess === 'any';

/** Register a machine before its launch: the frontend; an owner for his own disks. */
export const mayRegister = (caller: Caller, disk: StoredDisk): boolean =>
  runsTheCloud(caller) || owns(caller, disk);

/** See where it is in its chart: who sees the disk; of one that is not there yet or no more, who could have seen it and more. */
export const mayInspect = (caller: Caller, disk: StoredDisk): boolean =>
  isKnown(disk) ? maySee(caller, disk) : runsTheCloud(caller) || owns(caller, disk);

/** See which machines and accounts use a disk: the frontend, the owner; others of a public disk only what they did themselves. */
export const maySeeUsers = (caller: Caller, disk: StoredDisk): boolean =>
  runsTheCloud(caller) || owns(caller, disk);

/** See the machine and the account of one attachment. */
export const maySeeUse = (caller: Caller, disk: StoredDisk, attachment: StoredAttachment): boolean =>
  maySeeUsers(caller, disk) || made(caller, attachment);

/** Unplug: who plugged, the owner, the frontend; also after the disk became private. */
export const mayUnplug = (caller: Caller, disk: StoredDisk, attachment: StoredAttachment): boolean =>
  runsTheCloud(caller) || owns(caller, disk) || made(caller, attachment);

/** Detach a machine: the frontend; others only if they made all of its attachments or own all of its disks. */
export const mayDetach = (
  caller: Caller,
  attachments: readonly StoredAttachment[],
  disks: readonly (StoredDisk | undefined)[],
): boolean =>
  runsTheCloud(caller) ||
  attachments.every(attachment => made(caller, attachment)) ||
  disks.every(disk => disk !== undefined && owns(caller, disk));
