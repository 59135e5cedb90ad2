import type { AttachmentBirth } from './attachment-events.ts';
import type { Failure, Problem } from './reasons.ts';
import type { Stamp } from './stamp.ts';
import type { Run } from './whereabouts.ts';

/** What is known when a disk begins. */
export interface DiskBirth {
  readonly uuid: string;
  readonly owner: string;
  /** The id of the owner's account: one may be made anew under an old name. */
  readonly ownerId?: string | undefined;
  readonly tag: string;
  readonly visibility: 'private' | 'public';
  readonly sizeGiB: number;
  /** How many machines may use it at once. */
  readonly limit: number;
}

type Outcome = { readonly attempt: number };
type BadOutcome = Outcome & { readonly problem: Problem<Failure> };

/** A number of disks, and their GiB together. */
export interface Quota {
  readonly disks: number;
  readonly sizeGiB: number;
}

/** What there is to know of a machine that is to have the disk. */
export interface MachineNow {
  /** Ids of the attachments that the machine has. */
  readonly attachments: readonly string[];
  /** The targets that are in use or promised there. */
  readonly taken: readonly string[];
  /** Whether its live domain has the disk already. */
  readonly isThere: boolean;
  /** Which live domain has the disk without an attachment, in words; null: none that was seen. */
  readonly holder: string | null;
  /** Whether its node has been declared dead. */
  readonly nodeIsDead: boolean;
}

/** What may happen to a disk; `Stamp` is added by whoever delivers it. */
export type DiskMessage =
  /** `repeatable`: who asks may ask again, by an Idempotency-Key, and be told what came of it. */
  | ({ type: 'CREATE'; roomGiB: number; quotaLeft: Quota; repeatable?: boolean } & DiskBirth)
  /** A volume that belongs to no disk becomes one, `created` when it was made. `obstacle`: why it cannot; null: it can. */
  | ({ type: 'ADOPT'; created: number; obstacle: string | null } & DiskBirth)
  /**
   * A volume that belongs to no disk is to be removed. `holders`: the live domains that have it; `unseen`: the nodes whose domains could not
   * be looked at; `obstacle` as above, `wipe` as below.
   */
  | ({
      type: 'DISCARD';
      wipe: boolean;
      holders: readonly string[];
      unseen: readonly string[];
      obstacle: string | null;
    } & Pick<DiskBirth, 'uuid' | 'sizeGiB'>)
  | ({ type: 'VOLUME_MADE' } & Outcome)
  | ({ type: 'VOLUME_FAILED' } & BadOutcome)
  /** Nothing was begun in this attempt: there is nothing of it to undo. */
  | ({ type: 'NOT_BEGUN' } & BadOutcome)
  | ({ type: 'HOTATTACH' } & AttachmentBirth & MachineNow)
  /**
   * `mostUsers`: how many users it may have where its limit is lower. `disksLeft`: how many more disks the account may register with
   * this machine. Without them, any number.
   */
  | ({ type: 'ATTACH'; mostUsers?: number; disksLeft?: number } & AttachmentBirth &
      Pick<MachineNow, 'attachments'>)
  /** A live domain has the disk by our alias, and no record tells of it. */
  | ({ type: 'ADOPT_USER'; target: string; run: Run } & AttachmentBirth & Pick<MachineNow, 'attachments'>)
  | { type: 'RELEASED'; attachment: string }
  /** One of its machines runs on another node now. */
  | { type: 'MOVED'; attachment: string }
  | { type: 'SET_LIMIT'; limit: number }
  /** `attaching`: one of its attachments is under way. `quotaGiB`: what its owner may still take. */
  | { type: 'GROW'; sizeGiB: number; roomGiB: number; quotaGiB: number; attaching: boolean }
  | ({ type: 'GROWN' } & Outcome)
  /** Certain: the volume is as large as before, and no machine was told otherwise. */
  | ({ type: 'NOT_GROWN' } & BadOutcome)
  /** The volume is larger; whether every machine knows is not certain. */
  | ({ type: 'GROW_PENDING' } & BadOutcome)
  /** `stale`: it is not any more what its caller takes it for. */
  | { type: 'EDIT'; tag?: string | undefined; visibility?: 'private' | 'public' | undefined; stale: boolean }
  /** `wipe`: the pool gives the volume's place to others as it is. `stale`: as above. `holder`: as in HOTATTACH. */
  | { type: 'DELETE'; wipe: boolean; stale?: boolean; holder: string | null }
  | ({ type: 'WIPED'; bytes: number; of: number } & Outcome)
  | ({ type: 'WIPE_FAILED' } & BadOutcome)
  | ({ type: 'VOLUME_REMOVED' } & Outcome)
  | ({ type: 'REMOVE_FAILED' } & BadOutcome)
  /** `repeatable`: as above. */
  | { type: 'RETRY'; repeatable?: boolean }
  | { type: 'TIMEOUT' }
  | { type: 'RESUME' };

export type DiskEvent = DiskMessage & Stamp;
