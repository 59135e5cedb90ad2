import { attachmentKey, diskKey } from '../../machines/notes.ts';
import { prefixes } from '../store/keys.ts';
import { codecs } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { type Catalogue, createCatalogue } from './catalogue.ts';
import type { KeptAttachment, KeptDisk } from './records.ts';
import { createShelf, type Shelf } from './shelf.ts';

/** Disks in the order of their creation. Their times are sorted, not they: many records lie all over the memory. */
function* inOrder(disks: readonly KeptDisk[]): Generator<KeptDisk, undefined> {
  const created = Float64Array.from(disks, ({ context }) => context.created);
  const indexes = Uint32Array.from(disks.keys()).sort((a, b) => (created[a] ?? 0) - (created[b] ?? 0));
  for (const index of indexes) {
    const disk = disks[index];
    if (disk) yield disk;
  }
}

/**
 * Both shelves as the store has them. A node's canonical key follows the configuration, which may have changed since: it is taken
 * anew from the host's name.
 */
export async function loadShelves(
  store: Store,
  nodeKey: (host: string) => string,
): Promise<{ decided: Shelf; committed: Catalogue }> {
  const shelves = { decided: createShelf(), committed: createCatalogue() };
  const put = (key: string, record: KeptDisk | KeptAttachment): void => {
    shelves.decided.put(key, record);
    shelves.committed.put(key, record);
  };
  const disks = (await store.load(prefixes.disk, codecs.disk)) as KeptDisk[];
  for (const disk of inOrder(disks)) put(diskKey(disk.context.uuid), disk);
  const attachments = await store.load(prefixes.attachment, codecs.attachment);
  for (const record of attachments.sort((a, b) => a.context.since - b.context.since)) {
    const { vm, atWork } = record.context;
    const context = {
      ...record.context,
      vm: { ...vm, node: nodeKey(vm.host) },
      atWork: atWork && { ...atWork, node: nodeKey(atWork.host) },
    };
    put(attachmentKey(record.context.id), { ...record, context });
  }
  return shelves;
}
