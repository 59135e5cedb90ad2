import type { AttachmentBirth } from './attachment-events.ts';
import type { Failure, Problem } from './reasons.ts';
import type { Stamp } from './stamp.ts';
import type { Run } from './vm-location.ts';

/** What is known when a disk is created. */
export interface DiskBirth {
  readonly uuid: string;
  readonly owner: string;
  /** The id of the owner's account: the name of a deleted account may be used again. */
  readonly ownerId?: string | undefined;
  readonly tag: string;
  readonly visibility: 'private' | 'public';
  readonly sizeGiB: number;
  /** How many VMs may use the disk at once. */
  readonly limit: number;
}

type Outcome = { readonly attempt: number };
type BadOutcome = Outcome & { readonly problem: Problem<Failure> };

/** A number of disks, and their total size in GiB. */
export interface Quota {
  readonly disks: number;
  readonly sizeGiB: number;
}

/** What is known of the VM that is to get the disk. */
export interface VmNow {
  /** Ids of all attachments of the VM. */
  readonly attachments: readonly string[];
  /** The targets in the VM that are in use or promised. */
  readonly taken: readonly string[];
  /** Whether the VM's live domain already has the disk. */
  readonly isThere: boolean;
  /** A sentence naming the live domain that has the disk without an attachment; null: none was seen. */
  readonly holder: string | null;
  /** Whether the VM's node has been declared dead. */
  readonly nodeIsDead: boolean;
}

/** Every message that a disk can get. The actor system adds the `Stamp`. */
export type DiskMessage =
  /** `repeatable`: the request has an Idempotency-Key, so that a repetition learns the result. */
  | ({ type: 'CREATE'; roomGiB: number; quotaLeft: Quota; repeatable?: boolean } & DiskBirth)
  /**
   * A leftover becomes a disk. `created`: when the volume was made, in milliseconds since 1970. `obstacle`:
   * why the volume cannot be used; null: it can.
   */
  | ({ type: 'ADOPT'; created: number; obstacle: string | null } & DiskBirth)
  /**
   * A leftover is to be removed. `holders`: the live domains that have it; `unseen`: the nodes whose domains
   * could not be inspected; `obstacle` as in ADOPT, `wipe` as in DELETE.
   */
  | ({
      type: 'DISCARD';
      wipe: boolean;
      holders: readonly string[];
      unseen: readonly string[];
      obstacle: string | null;
    } & Pick<DiskBirth, 'uuid' | 'sizeGiB'>)
  | ({ type: 'VOLUME_CREATED' } & Outcome)
  | ({ type: 'VOLUME_FAILED' } & BadOutcome)
  /** The pool has not begun this attempt: nothing has to be undone. */
  | ({ type: 'NOT_BEGUN' } & BadOutcome)
  | ({ type: 'HOTATTACH' } & AttachmentBirth & VmNow)
  /**
   * `mostUsers`: how many users the disk may have if its limit is lower. `disksLeft`: how many more disks the
   * account may register with this VM. Both are unlimited where absent.
   */
  | ({ type: 'ATTACH'; mostUsers?: number; disksLeft?: number } & AttachmentBirth &
      Pick<VmNow, 'attachments'>)
  /** A live domain has the disk under our alias, and no record accounts for it. */
  | ({ type: 'ADOPT_USER'; target: string; run: Run } & AttachmentBirth & Pick<VmNow, 'attachments'>)
  | { type: 'RELEASED'; attachment: string }
  /** A VM that uses the disk now runs on another node. */
  | { type: 'MOVED'; attachment: string }
  | { type: 'SET_LIMIT'; limit: number }
  /** `attaching`: an attachment of the disk is in progress. `quotaGiB`: what the owner's quota has left. */
  | { type: 'RESIZE'; sizeGiB: number; roomGiB: number; quotaGiB: number; attaching: boolean }
  | ({ type: 'RESIZED' } & Outcome)
  /** It is certain that the volume has its old size, and that no VM was told a new one. */
  | ({ type: 'NOT_RESIZED' } & BadOutcome)
  /** The volume has the new size, but it is not certain that every VM has been told. */
  | ({ type: 'RESIZE_PENDING' } & BadOutcome)
  /** `stale`: the disk has changed since the caller read it (If-Match failed). */
  | { type: 'EDIT'; tag?: string | undefined; visibility?: 'private' | 'public' | undefined; stale: boolean }
  /**
   * `wipe`: the pool reuses freed space without zeroing it, so the volume must be wiped first. `stale` as in
   * EDIT, `holder` as in HOTATTACH.
   */
  | { type: 'DELETE'; wipe: boolean; stale?: boolean; holder: string | null }
  | ({ type: 'WIPED'; bytes: number; of: number } & Outcome)
  | ({ type: 'WIPE_FAILED' } & BadOutcome)
  | ({ type: 'VOLUME_DELETED' } & Outcome)
  | ({ type: 'REMOVE_FAILED' } & BadOutcome)
  /** `repeatable` as in CREATE. */
  | { type: 'RETRY'; repeatable?: boolean }
  | { type: 'TIMEOUT' }
  | { type: 'RESUME' };

/** A message with its stamp, as the disk chart gets it. */
export type DiskEvent = DiskMessage & Stamp;
