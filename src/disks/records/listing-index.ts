import type { DiskView, Position } from '../service.ts';
import { createRecordIndex, type RecordIndex } from './record-index.ts';
import { isDiskKey, type StoredDisk } from './records.ts';
import { createSortedBlocks, type Entry, isBefore, type SortedBlocks } from './sorted-blocks.ts';

/**
 * A record index whose disks are also listed in order of creation, in time proportional to the result, not to
 * the number of disks.
 */
export interface ListingIndex extends RecordIndex {
  /** All disks after this position; undefined: from the first. */
  inOrder(after: Position | undefined): Iterable<StoredDisk>;
  /** The disks that this account owns and the public ones, after this position. */
  inOrderFor(account: string, after: Position | undefined): Iterable<StoredDisk>;
  /**
   * All known disks as readers see them, in order and in blocks; a block is the same array as long as no disk
   * in it changes.
   */
  blocks(): readonly (readonly DiskView[])[];
}

/** The disks of these entries. */
function* disksIn(entries: Iterable<Entry>): Generator<StoredDisk, undefined> {
  for (const { disk } of entries) yield disk;
}

/** Merges two ordered lists of entries; a disk in both of them appears once. */
function* merged(a: Iterable<Entry>, b: Iterable<Entry>): Generator<StoredDisk, undefined> {
  const [lefts, rights] = [a[Symbol.iterator](), b[Symbol.iterator]()];
  let left: Entry | undefined = lefts.next().value;
  let right: Entry | undefined = rights.next().value;
  for (;;) {
    const next = left && right && isBefore(right, left) ? right : (left ?? right);
    if (!next) return;
    if (left === next) left = lefts.next().value;
    if (right === next) right = rights.next().value;
    yield next.disk;
  }
}

/** An empty index. `blockSize`: maximum number of disks per block. */
export function createListingIndex(blockSize?: number): ListingIndex {
  const records = createRecordIndex();
  const entries = new Map<string, Entry>();
  const all = createSortedBlocks(blockSize);
  const publics = createSortedBlocks(blockSize);
  const byOwner = new Map<string, SortedBlocks>();

  function enter(key: string, disk: StoredDisk): void {
    const { uuid, owner, created, visibility } = disk.context;
    const entry = { created, uuid, disk };
    entries.set(key, entry);
    all.insert(entry);
    const own = byOwner.get(owner) ?? createSortedBlocks(blockSize);
    byOwner.set(owner, own);
    own.insert(entry);
    if (visibility === 'public') publics.insert(entry);
  }

  /** The time of creation and the owner of a disk never change; only its visibility decides its lists. */
  function change(entry: Entry, disk: StoredDisk): void {
    const before = entry.disk.context.visibility;
    const { visibility } = disk.context;
    entry.disk = disk;
    all.changed(entry);
    if (before === visibility) return;
    if (visibility === 'public') publics.insert(entry);
    else publics.erase(entry);
  }

  function leave(key: string, entry: Entry): void {
    const { owner } = entry.disk.context;
    const own = byOwner.get(owner);
    entries.delete(key);
    for (const order of [all, publics, own]) order?.erase(entry);
    if (own?.isEmpty()) byOwner.delete(owner);
  }

  return {
    ...records,
    set(key, record) {
      records.set(key, record);
      if (!isDiskKey(key)) return;
      const entry = entries.get(key);
      if (entry && !record) leave(key, entry);
      else if (entry) change(entry, record as StoredDisk);
      else if (record) enter(key, record as StoredDisk);
    },
    inOrder: after => disksIn(all.after(after)),
    inOrderFor: (account, after) => merged(byOwner.get(account)?.after(after) ?? [], publics.after(after)),
    blocks: all.blocks,
  };
}
