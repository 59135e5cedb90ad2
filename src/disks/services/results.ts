import type { AttachmentContext } from '../../../machines/attachment-parts.ts';
import type { DiskContext } from '../../../machines/disk-parts.ts';
import type { Vm } from '../../../machines/vm.ts';
import type { Caller } from '../../accounts/caller.ts';
import { type ErrorFacts, errorOf, type PdiskError } from '../../errors.ts';
import type { DeliveryResult } from '../actors/system.ts';
import type { RecordIndex } from '../records/record-index.ts';
import { isHeld, type StoredDisk } from '../records/records.ts';
import type { DiskView } from '../service.ts';
import { mayFind } from './rights.ts';

/**
 * Throws the error of a refusal or failure, if there is one; `facts`: the disk and the VM for its sentence.
 */
export function expectDone(outcome: DeliveryResult, facts: ErrorFacts): void {
  const error = outcome.refused ?? outcome.problem;
  if (error) throw errorOf(error.code, { ...facts, ...(error.detail ? { detail: error.detail } : {}) });
}

const views = new WeakMap<DiskContext, DiskView>();

/** The view of a disk, as readers and events show it. */
export function viewNow(disk: DiskContext): Required<DiskView> {
  const { uuid, owner, ownerId, tag, visibility, sizeGiB, created, users, limit } = disk;
  return { uuid, owner, ownerId, tag, visibility, sizeGiB, created, users: users.length, limit };
}

/**
 * The view of a disk: the same object as long as the disk does not change, so that results computed from it
 * can be cached.
 */
export function viewOf(disk: DiskContext): DiskView {
  const known = views.get(disk);
  if (known) return known;
  const view = viewNow(disk);
  views.set(disk, view);
  return view;
}

/** The disks of a VM, in order of attachment, without those that are only being attached. */
export function disksOf(records: RecordIndex, vm: Vm): string[] {
  const there = records.attachmentsOf(vm).filter(one => isHeld(one) && one.state !== 'attaching');
  return [...new Set(there.map(one => one.context.disk))];
}

/**
 * The error for a disk that does not exist or that the caller may not see: one sentence and one code for
 * both.
 */
export const unknownDisk = (disk: string): PdiskError => errorOf('DISK_UNKNOWN', { disk });

/** The target of an attachment that has answered; empty if there is none. */
export const targetOf = (context: DeliveryResult['context']): string =>
  (context as AttachmentContext | undefined)?.target ?? '';

/** The disk, if the caller may see it. Throws DISK_UNKNOWN. */
export function findDisk(
  records: Pick<RecordIndex, 'disk'>,
  caller: Caller,
  uuid: string,
  may = mayFind,
): StoredDisk {
  const disk = records.disk(uuid);
  if (!disk || !may(caller, disk)) throw unknownDisk(uuid);
  return disk;
}
