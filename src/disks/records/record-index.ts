import type { Quota } from '../../../machines/disk-events.ts';
import { attachmentKey, diskKey } from '../../../machines/notes.ts';
import { sameVm, type Vm } from '../../../machines/vm.ts';
import { isDiskKey, isGone, type StoredAttachment, type StoredDisk, type StoredRecord } from './records.ts';

/**
 * All records, with indexes that make the cost of every operation independent of their number. There are two
 * instances: the decided records (the next decision builds on them; they are ahead of the disk by the batches
 * in flight) and the committed records (readers see them).
 */
export interface RecordIndex {
  /** Sets the record with this key; undefined deletes it. */
  set(key: string, record: StoredRecord | undefined): void;
  /** The record with this key, of a disk or an attachment. */
  get(key: string): StoredRecord | undefined;
  /** The disk with this UUID, in any state. */
  disk(uuid: string): StoredDisk | undefined;
  /** The attachment with this id, in any state. */
  attachment(id: string): StoredAttachment | undefined;
  /** All disks, in order of insertion. */
  disks(): Iterable<StoredDisk>;
  /** All attachments, in order of insertion. */
  attachments(): Iterable<StoredAttachment>;
  /** The attachments of one VM, in order of attachment. */
  attachmentsOf(vm: Vm): readonly StoredAttachment[];
  /** The attachments of one disk, including those that are no longer its users, in order of attachment. */
  attachmentsFor(disk: string): readonly StoredAttachment[];
  /** The attachments on one node, by its canonical key. */
  attachmentsOn(node: string): readonly StoredAttachment[];
  /** The total size of all disks in GiB, whatever their state. */
  promisedGiB(): number;
  /**
   * The number and size of an account's disks in every state, but without deleted disks that are still being
   * wiped.
   */
  ownedBy(account: string): Quota;
  /** How many disks and attachments are in each state. */
  counts(): {
    readonly disks: ReadonlyMap<string, number>;
    readonly attachments: ReadonlyMap<string, number>;
  };
}

const placesOf = (vm: Vm): string[] => [
  ...(vm.domain === null ? [] : [vm.domain]),
  ...vm.names.map(name => `${vm.node}\n${name}`),
];

const nothing: Quota = { disks: 0, sizeGiB: 0 };

/**
 * Counts one record in another state: `from` undefined for a new record, `to` undefined for a deleted one.
 */
function move(counts: Map<string, number>, from: string | undefined, to: string | undefined): void {
  if (from === to) return;
  if (to !== undefined) counts.set(to, (counts.get(to) ?? 0) + 1);
  const left = from === undefined ? 0 : (counts.get(from) ?? 0) - 1;
  if (from !== undefined && left > 0) counts.set(from, left);
  else if (from !== undefined) counts.delete(from);
}

function include(sets: Map<string, Set<string>>, name: string, key: string): void {
  sets.set(name, (sets.get(name) ?? new Set()).add(key));
}

function exclude(sets: Map<string, Set<string>>, name: string, key: string): void {
  const set = sets.get(name);
  set?.delete(key);
  if (set?.size === 0) sets.delete(name);
}

/** An empty index. */
export function createRecordIndex(): RecordIndex {
  const disks = new Map<string, StoredDisk>();
  const attachments = new Map<string, StoredAttachment>();
  /**
   * Ordinal numbers in order of attachment; the clock would not give the order, because it may be set back.
   */
  const ordinals = new Map<string, number>();
  let latest = 0;
  const byPlace = new Map<string, Set<string>>();
  const byNode = new Map<string, Set<string>>();
  const byDisk = new Map<string, Set<string>>();
  const byOwner = new Map<string, Quota>();
  const states = { disks: new Map<string, number>(), attachments: new Map<string, number>() };
  let promised = 0;

  function count(disk: StoredDisk | undefined, sign: 1 | -1): void {
    if (!disk) return;
    const { owner, sizeGiB } = disk.context;
    promised += sign * sizeGiB;
    // The disk is deleted; only its volume still takes up space.
    if (isGone(disk)) return;
    const before = byOwner.get(owner) ?? nothing;
    const owned = { disks: before.disks + sign, sizeGiB: before.sizeGiB + sign * sizeGiB };
    if (owned.disks > 0) byOwner.set(owner, owned);
    else byOwner.delete(owner);
  }

  function putDisk(key: string, disk: StoredDisk | undefined): void {
    const before = disks.get(key);
    count(before, -1);
    count(disk, 1);
    move(states.disks, before?.state, disk?.state);
    if (disk) disks.set(key, disk);
    else disks.delete(key);
  }

  function leave(key: string, vm: Vm): void {
    for (const place of placesOf(vm)) exclude(byPlace, place, key);
    exclude(byNode, vm.node, key);
  }

  function enter(key: string, vm: Vm): void {
    for (const place of placesOf(vm)) include(byPlace, place, key);
    include(byNode, vm.node, key);
  }

  function putAttachment(key: string, attachment: StoredAttachment | undefined): void {
    const before = attachments.get(key);
    move(states.attachments, before?.state, attachment?.state);
    if (before && before.context.vm !== attachment?.context.vm) leave(key, before.context.vm);
    if (!attachment) {
      if (before) exclude(byDisk, before.context.disk, key);
      attachments.delete(key);
      ordinals.delete(key);
      return;
    }
    if (!before) {
      ordinals.set(key, ++latest);
      include(byDisk, attachment.context.disk, key);
    }
    attachments.set(key, attachment);
    if (before?.context.vm !== attachment.context.vm) enter(key, attachment.context.vm);
  }

  function attachmentsOf(vm: Vm): readonly StoredAttachment[] {
    const keys = new Set(placesOf(vm).flatMap(place => [...(byPlace.get(place) ?? [])]));
    const inOrder = [...keys].sort((a, b) => (ordinals.get(a) ?? 0) - (ordinals.get(b) ?? 0));
    const found = inOrder.flatMap(key => attachments.get(key) ?? []);
    return found.filter(one => sameVm(one.context.vm, vm));
  }

  return {
    set: (key, record) =>
      isDiskKey(key)
        ? putDisk(key, record as StoredDisk | undefined)
        : putAttachment(key, record as StoredAttachment | undefined),
    get: key => disks.get(key) ?? attachments.get(key),
    disk: uuid => disks.get(diskKey(uuid)),
    attachment: id => attachments.get(attachmentKey(id)),
    disks: () => disks.values(),
    attachments: () => attachments.values(),
    attachmentsOf,
    attachmentsFor: disk => [...(byDisk.get(disk) ?? [])].flatMap(key => attachments.get(key) ?? []),
    attachmentsOn: node => [...(byNode.get(node) ?? [])].flatMap(key => attachments.get(key) ?? []),
    promisedGiB: () => promised,
    ownedBy: account => byOwner.get(account) ?? nothing,
    counts: () => states,
  };
}
