// What the records on disk say, for the checks of the simulation: they, and not what the process believes,
// are what was acknowledged.
import type { Quota } from '../../machines/disk-events.ts';
import { attachmentKey, diskKey } from '../../machines/notes.ts';
import type { AccountRecord } from '../../src/accounts/record.ts';
import {
  isGone,
  isHeld,
  isKnown,
  type StoredAttachment,
  type StoredDisk,
} from '../../src/disks/records/records.ts';
import { prefixes } from '../../src/store/keys.ts';
import type { DurableDisk } from './store.ts';

/** Reads the records on disk. */
export interface DurableRecords {
  disk(uuid: string): StoredDisk | undefined;
  /** The disk, if it can be used. */
  known(uuid: string): StoredDisk | undefined;
  attachment(id: string): StoredAttachment | undefined;
  /** The attachments that count as users of a disk. */
  users(uuid: string): readonly StoredAttachment[];
  disks(): readonly StoredDisk[];
  attachments(): readonly StoredAttachment[];
  /** The number and size of an account's disks. */
  ownedBy(account: string): Quota;
  /** The quota that was set for an account; undefined: none was. */
  quotaOf(account: string): Quota | undefined;
}

/** The records of a disk, as they are at the time of each call. */
export function createDurableRecords({ records }: Pick<DurableDisk, 'records'>): DurableRecords {
  const under = <Kind>(prefix: string): Kind[] => {
    const found: Kind[] = [];
    for (const [key, value] of records) if (key.startsWith(prefix)) found.push(value as Kind);
    return found;
  };
  const disk = (uuid: string) => records.get(diskKey(uuid)) as StoredDisk | undefined;
  const disks = () => under<StoredDisk>(prefixes.disk);

  return {
    disk,
    disks,
    attachment: id => records.get(attachmentKey(id)) as StoredAttachment | undefined,
    attachments: () => under<StoredAttachment>(prefixes.attachment),
    known(uuid) {
      const found = disk(uuid);
      return found && isKnown(found) ? found : undefined;
    },
    users: uuid =>
      (disk(uuid)?.context.users ?? []).flatMap(({ attachment }) => {
        const found = records.get(attachmentKey(attachment)) as StoredAttachment | undefined;
        return found && isHeld(found) ? [found] : [];
      }),
    ownedBy(account) {
      const owned = disks().filter(one => one.context.owner === account && !isGone(one));
      return { disks: owned.length, sizeGiB: owned.reduce((sum, one) => sum + one.context.sizeGiB, 0) };
    },
    quotaOf: account => (records.get(prefixes.account + account) as AccountRecord | undefined)?.quota,
  };
}
