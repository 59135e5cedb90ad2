import type { AttachmentBirth } from './attachment-events.ts';
import type { Failure, Problem } from './reasons.ts';
import type { Stamp } from './stamp.ts';
import type { Vm } from './vm.ts';

/** What is known when a disk begins. */
export interface DiskBirth {
  readonly uuid: string;
  readonly owner: string;
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

/** What may happen to a disk; `Stamp` is added by whoever delivers it. */
export type DiskMessage =
  /** `repeatable`: who asks may ask again, by an Idempotency-Key, and be told what came of it. */
  | ({ type: 'CREATE'; roomGiB: number; quotaLeft: Quota; repeatable?: boolean } & DiskBirth)
  | ({ type: 'VOLUME_MADE' } & Outcome)
  | ({ type: 'VOLUME_FAILED' } & BadOutcome)
  | ({ type: 'HOTATTACH'; taken: readonly string[] } & AttachmentBirth)
  | ({ type: 'ATTACH' } & AttachmentBirth)
  | { type: 'RELEASED'; attachment: string }
  | { type: 'MOVED'; attachment: string; vm: Vm }
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
  /** `wipe`: the pool gives the volume's place to others as it is. `stale`: as above. */
  | { type: 'DELETE'; wipe: boolean; stale?: boolean }
  | ({ type: 'WIPED'; bytes: number; of: number } & Outcome)
  | ({ type: 'WIPE_FAILED' } & BadOutcome)
  | ({ type: 'VOLUME_REMOVED' } & Outcome)
  | ({ type: 'REMOVE_FAILED' } & BadOutcome)
  /** `repeatable`: as above. */
  | { type: 'RETRY'; repeatable?: boolean }
  | { type: 'TIMEOUT' }
  | { type: 'RESUME' };

export type DiskEvent = DiskMessage & Stamp;
