import type { DiskContext } from '../../../machines/disk-parts.ts';
import type { DiskLabel, Labels } from '../../storage/label.ts';
import type { ListingIndex } from './listing-index.ts';
import { isDiskKey, isKnown, type StoredDisk, type StoredRecord } from './records.ts';

/** What the pool keeps of a disk. */
export function labelFor(context: DiskContext): DiskLabel {
  const { uuid, owner, ownerId, tag, visibility, sizeGiB, limit, created } = context;
  return {
    uuid,
    owner,
    ...(ownerId === undefined ? {} : { ownerId }),
    tag,
    visibility,
    sizeGiB,
    limit,
    created,
  };
}

/** The label of a disk; undefined for one that is not or no longer known to its users. */
const labelOf = (disk: StoredDisk | undefined): DiskLabel | undefined =>
  disk && isKnown(disk) ? labelFor(disk.context) : undefined;

/** Most changes of a disk concern its users only. */
const isSame = (a: DiskLabel | undefined, b: DiskLabel | undefined): boolean =>
  a === b ||
  (a !== undefined &&
    b !== undefined &&
    a.tag === b.tag &&
    a.visibility === b.visibility &&
    a.sizeGiB === b.sizeGiB &&
    a.limit === b.limit);

/** The labels of all disks. */
export function* labelsOf(index: Pick<ListingIndex, 'disks'>): Generator<DiskLabel> {
  for (const disk of index.disks()) {
    const label = labelOf(disk);
    if (label) yield label;
  }
}

/** The same index, which gives the labels of disks that change to the pool. */
export const labelling = (index: ListingIndex, labels: Labels): ListingIndex => ({
  ...index,
  set(key: string, record: StoredRecord | undefined) {
    const before = isDiskKey(key) ? (index.get(key) as StoredDisk | undefined) : undefined;
    index.set(key, record);
    if (!isDiskKey(key)) return;
    const [old, label] = [labelOf(before), labelOf(record as StoredDisk | undefined)];
    if (!isSame(old, label)) labels.put((label ?? old)?.uuid ?? '', label);
  },
});
