// What a restore leaves out of a backup.
import test from 'ava';
import { initialAttachment } from '../../machines/attachment-parts.ts';
import { initialDisk } from '../../machines/disk-parts.ts';
import { attachmentKey, diskKey } from '../../machines/notes.ts';
import type { StoredAttachment, StoredDisk } from '../../src/disks/records/records.ts';
import { leaveOutUnfinished } from '../../src/maintenance/unfinished.ts';
import type { Entry } from '../../src/store/backup.ts';

const UUID = 'eb198dec-3560-4a9a-b3b4-5f043410a3dd';

const attachment = (id: string, state: StoredAttachment['state'], mode: 'hot' | 'cold' = 'hot'): Entry => [
  attachmentKey(id),
  { v: 3, state, context: { ...initialAttachment, id, disk: UUID, mode } },
];

const disk = (state: StoredDisk['state'], more: Partial<StoredDisk['context']> = {}): Entry => [
  diskKey(UUID),
  { v: 2, state, context: { ...initialDisk, uuid: UUID, owner: 'alice', sizeGiB: 1, ...more } },
];

const user = (id: string, mode: 'hot' | 'cold' = 'hot') => ({ attachment: id, mode });

function restored(...entries: Entry[]) {
  const { keep, leftOut } = leaveOutUnfinished('the backup');
  return { kept: keep(entries), leftOut };
}

const stateOf = (entries: readonly Entry[]): unknown => {
  const [, value] = entries.find(([key]) => key === diskKey(UUID)) ?? [];
  return (value as StoredDisk | undefined)?.state;
};

test('a disk whose creation would be undone is left out: by now its volume may be a disk', t => {
  const undo = { code: 'CREATE_TIMEOUT' as const, detail: '' };
  for (const entry of [disk('creating'), disk('failed', { undo }), disk('deleting', { undo })]) {
    const { kept, leftOut } = restored(entry);
    t.deepEqual(kept, []);
    t.deepEqual(leftOut.disks, [UUID]);
  }
});

test('what was deleted or resized goes on', t => {
  for (const state of ['available', 'growing', 'wiping', 'deleting'] as const) {
    const entry = disk(state);
    t.deepEqual(restored(entry).kept, [entry]);
  }
});

test('an attachment in progress is left out, and the disk is as its other users make it', t => {
  for (const state of ['attaching', 'detaching'] as const) {
    const alone = restored(attachment('a', state), disk('hot-attached', { users: [user('a')] }));
    t.is(stateOf(alone.kept), 'available');
    t.is(alone.kept.length, 1);
    t.deepEqual([...alone.leftOut.attachments], [attachmentKey('a')]);

    const cold = [attachment('a', state), attachment('b', 'attached', 'cold')];
    const users = [user('a'), user('b', 'cold')];
    t.is(stateOf(restored(...cold, disk('hot-attached', { users })).kept), 'attached');

    const hot = [attachment('a', state), attachment('b', 'hot-attached')];
    const shared = restored(...hot, disk('hot-attached', { users: [user('a'), user('b')] }));
    t.is(stateOf(shared.kept), 'hot-attached');
    t.like(shared.kept.at(-1)?.[1], { context: { users: [user('b')] } });
  }
});

test('attachments at rest, and records of other kinds, stay as they are', t => {
  const entries = [
    attachment('a', 'hot-attached'),
    attachment('b', 'unclaimed'),
    disk('hot-attached', { users: [user('a')] }),
    ['event/0000000000000001', { v: 1 }] as const,
  ];
  t.deepEqual(restored(...entries).kept, entries);
});
