import type { StoredDisk } from '../records/records.ts';
import type { VolumeDifferences } from './volumes.ts';

/**
 * A log sentence if the pool has leftovers that are newer than every disk on record: most likely the database
 * is an older copy of the one that created them. Undefined: there is no such leftover.
 */
export function ageSentence(
  { leftovers }: Pick<VolumeDifferences, 'leftovers'>,
  disks: Iterable<StoredDisk>,
): string | undefined {
  let newest = 0;
  for (const { context } of disks) newest = Math.max(newest, context.created);
  const newer = [...leftovers.values()].filter(({ createdMs = 0 }) => createdMs > newest);
  if (newer.length === 0) return undefined;
  const disk = newest === 0 ? 'there is no disk on record' : `it is of ${new Date(newest).toISOString()}`;
  return (
    `${newer.length} volumes that belong to no disk are newer than the newest disk on record (${disk}): the database seems to be older ` +
    'than the pool. Nothing is removed; GET /api/leftovers lists them'
  );
}
