// A backup has actors in the middle of their work. Going on with it after a restore may destroy what has
// happened since: the undo of a creation would remove a volume that has become a disk, and a plug would be made
// a second time, although another VM has the disk by now. So a restore leaves out what was in progress and can
// be found again: the start finds the volumes as leftovers, and the devices in the live domains. Deletions,
// wiping and resizing go on: repeated later they do no harm.
import { attachmentKey } from '../../machines/notes.ts';
import type { StoredAttachment, StoredDisk } from '../disks/records/records.ts';
import { isWaiting } from '../disks/records/records.ts';
import type { Entry } from '../store/backup.ts';
import { prefixes } from '../store/keys.ts';
import { readRecord } from '../store/record-kind.ts';
import { kinds } from '../store/records.ts';

/** What a restore leaves out. */
interface LeftOut {
  /** UUIDs of disks whose creation was in progress, being undone, or to be undone again. */
  readonly disks: string[];
  /** Ids of attachments that were being plugged or unplugged. */
  readonly attachments: Set<string>;
}

const isUnborn = ({ state, context }: StoredDisk): boolean =>
  state === 'creating' || state === 'failed' || context.undo !== null;

/** The state of a disk at rest that follows from its users. */
function settled({ state, context }: StoredDisk): StoredDisk['state'] {
  if (state !== 'hot-attached' && state !== 'attached') return state;
  if (context.users.length === 0) return 'available';
  return context.users.some(({ mode }) => mode === 'hot') ? 'hot-attached' : 'attached';
}

/**
 * Filters the entries of a backup, in the order of their keys: attachments come before disks. Throws a sentence
 * for a damaged record.
 */
export function leaveOutUnfinished(name: string) {
  const leftOut: LeftOut = { disks: [], attachments: new Set() };

  function ofAttachment([key, value]: Entry): Entry[] {
    const record = readRecord(kinds.attachment, key, value, name) as StoredAttachment;
    if (!isWaiting(record)) return [[key, value]];
    leftOut.attachments.add(key);
    return [];
  }

  function ofDisk([key, value]: Entry): Entry[] {
    const record = readRecord(kinds.disk, key, value, name) as StoredDisk;
    if (isUnborn(record)) {
      leftOut.disks.push(record.context.uuid);
      return [];
    }
    const users = record.context.users.filter(
      ({ attachment }) => !leftOut.attachments.has(attachmentKey(attachment)),
    );
    if (users.length === record.context.users.length) return [[key, value]];
    const without = { ...record, context: { ...record.context, users } };
    return [[key, { ...without, state: settled(without) }]];
  }

  return {
    leftOut,
    /** The entries that are restored. */
    keep: (entries: readonly Entry[]): Entry[] =>
      entries.flatMap(entry => {
        const [key] = entry;
        if (key.startsWith(prefixes.attachment)) return ofAttachment(entry);
        return key.startsWith(prefixes.disk) ? ofDisk(entry) : [entry];
      }),
  };
}
