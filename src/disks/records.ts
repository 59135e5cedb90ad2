import type { AttachmentMessage } from '../../machines/attachment-events.ts';
import type { AttachmentContext } from '../../machines/attachment-parts.ts';
import type { DiskMessage } from '../../machines/disk-events.ts';
import type { DiskContext } from '../../machines/disk-parts.ts';
import type { AttachmentRecord, DiskRecord } from '../store/records.ts';

/** A disk as it is kept: its chart's state and context. */
export interface KeptDisk {
  readonly v: 1;
  readonly state: DiskRecord['state'];
  readonly context: DiskContext;
}

export interface KeptAttachment {
  readonly v: 2;
  readonly state: AttachmentRecord['state'];
  readonly context: AttachmentContext;
}

export type Kept = KeptDisk | KeptAttachment;

/** What can be sent to an actor; the system stamps it. */
export type Message = DiskMessage | AttachmentMessage;

export const isDiskKey = (key: string): boolean => key.startsWith('disk/');

const knownStates: ReadonlySet<KeptDisk['state']> = new Set([
  'available',
  'attached',
  'hot-attached',
  'growing',
]);

/** Whether this disk may be seen: its volume exists, whole, and is not going away. */
export const isKnown = (disk: KeptDisk): boolean => knownStates.has(disk.state);

/** Whether this attachment keeps its place among the disk's users. */
export const isHeld = (attachment: KeptAttachment): boolean => attachment.state !== 'unclaimed';

/** The states in which a chart waits for the pool, a node or a guest. */
export const WAITING: ReadonlySet<Kept['state']> = new Set([
  'creating',
  'growing',
  'wiping',
  'deleting',
  'attaching',
  'detaching',
]);
