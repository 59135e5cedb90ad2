import { attachmentKey, diskKey } from '../../../machines/notes.ts';
import { kinds } from '../../store/records.ts';
import type { Store } from '../../store/store.ts';
import { createListingIndex, type ListingIndex } from './listing-index.ts';
import { createRecordIndex, type RecordIndex } from './record-index.ts';
import type { StoredAttachment, StoredDisk } from './records.ts';

/**
 * Disks in order of creation. Sorts an array of timestamps with indexes rather than the records: better cache
 * locality.
 */
function* inOrder(disks: readonly StoredDisk[]): Generator<StoredDisk, undefined> {
  const created = Float64Array.from(disks, ({ context }) => context.created);
  const indexes = Uint32Array.from(disks.keys()).sort((a, b) => (created[a] ?? 0) - (created[b] ?? 0));
  for (const index of indexes) {
    const disk = disks[index];
    if (disk) yield disk;
  }
}

/**
 * Both record indexes, loaded from the store. A node's canonical key depends on the configuration, which may
 * have changed since the last start: it is computed again from the node's name.
 */
export async function loadIndexes(
  store: Store,
  nodeKey: (host: string) => string,
): Promise<{ decided: RecordIndex; committed: ListingIndex }> {
  const indexes = { decided: createRecordIndex(), committed: createListingIndex() };
  const put = (key: string, record: StoredDisk | StoredAttachment): void => {
    indexes.decided.set(key, record);
    indexes.committed.set(key, record);
  };
  const disks = (await store.load(kinds.disk)) as StoredDisk[];
  for (const disk of inOrder(disks)) put(diskKey(disk.context.uuid), disk);
  const attachments = await store.load(kinds.attachment);
  for (const record of attachments.sort((a, b) => a.context.since - b.context.since)) {
    const { vm, atWork } = record.context;
    const context = {
      ...record.context,
      vm: { ...vm, node: nodeKey(vm.host) },
      atWork: atWork && { ...atWork, node: nodeKey(atWork.host) },
    };
    put(attachmentKey(record.context.id), { ...record, context });
  }
  return indexes;
}
