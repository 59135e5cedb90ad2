import { attachmentMachine } from '../../../machines/attachment.ts';
import type { AttachmentMessage } from '../../../machines/attachment-events.ts';
import type { AttachmentContext } from '../../../machines/attachment-parts.ts';
import { diskMachine } from '../../../machines/disk.ts';
import type { DiskMessage } from '../../../machines/disk-events.ts';
import type { DiskContext } from '../../../machines/disk-parts.ts';
import { diskKey } from '../../../machines/notes.ts';
import { type StoredStateOf, statesWith } from '../../charts/states.ts';

/** A disk as stored: the version of the schema, its chart's state and context. */
export interface StoredDisk {
  readonly v: 2;
  readonly state: StoredStateOf<typeof diskMachine>;
  readonly context: DiskContext;
}

/** An attachment as stored: the version of the schema, its chart's state and context. */
export interface StoredAttachment {
  readonly v: 3;
  readonly state: StoredStateOf<typeof attachmentMachine>;
  readonly context: AttachmentContext;
}

/** The stored record of an actor. */
export type StoredRecord = StoredDisk | StoredAttachment;

/** What can be sent to an actor; the actor system adds the `Stamp`. */
export type Message = DiskMessage | AttachmentMessage;

/** Whether this is the key of a disk, not of an attachment. */
export const isDiskKey = (key: string): boolean => key.startsWith(diskKey(''));

const known = statesWith(diskMachine, 'known');
const plugged = statesWith(attachmentMachine, 'plugged');
const gone: ReadonlySet<string> = new Set([
  ...statesWith(diskMachine, 'gone'),
  ...statesWith(attachmentMachine, 'gone'),
]);
const resting: ReadonlySet<string> = new Set([
  ...statesWith(diskMachine, 'rest'),
  ...statesWith(attachmentMachine, 'rest'),
]);

/** Whether this disk can be used: its volume exists, is complete and is not being deleted. */
export const isKnown = (disk: StoredDisk): boolean => known.has(disk.state);

/** Whether this attachment counts as a user of the disk. */
export const isHeld = (attachment: StoredAttachment): boolean => !gone.has(attachment.state);

/** Whether the VM has the disk by a confirmed hot plug, as far as is known. */
export const isPlugged = (attachment: StoredAttachment): boolean => plugged.has(attachment.state);

/**
 * Whether a disk or an attachment is gone for its users, although a volume or a claim may be left. Undefined:
 * it has no record any more.
 */
export const isGone = (record: StoredRecord | undefined): boolean =>
  record === undefined || gone.has(record.state);

/** Whether the chart waits for the pool, a node or a guest. */
export const isWaiting = (record: StoredRecord): boolean => !resting.has(record.state);
