import { diskMachine } from '../../machines/disk.ts';
import type { DiskMessage } from '../../machines/disk-events.ts';
import { DISK } from './support/events.ts';
import { hotattach, play, refused } from './support/play.ts';
import { test } from './support/rule.ts';

const adoption: DiskMessage = {
  type: 'ADOPT',
  uuid: DISK,
  owner: 'alice',
  tag: 'found',
  visibility: 'private',
  sizeGiB: 2,
  limit: 1,
  created: 1000,
  obstacle: null,
};
const discard = {
  type: 'DISCARD' as const,
  uuid: DISK,
  sizeGiB: 2,
  wipe: true,
  holders: [],
  unseen: [],
  obstacle: null,
};

test('an adopted volume is an available disk of its owner, with the age of the volume, and no volume is created', t => {
  const disk = play(diskMachine);
  t.deepEqual(disk.send(adoption), { state: 'available', notes: [{ publish: { type: 'disk.adopted' } }] });
  t.like(disk.context(), { uuid: DISK, owner: 'alice', tag: 'found', sizeGiB: 2, created: 1000, users: [] });
  t.is(disk.send(hotattach('1')).state, 'hot-attached');
});

test('a discarded volume is wiped, then removed, like that of a deleted disk', t => {
  const disk = play(diskMachine);
  t.deepEqual(disk.send(discard), {
    state: 'wiping',
    notes: [{ publish: { type: 'disk.discarded' } }, { answer: { problem: null } }, { wipeVolume: true }],
  });
  t.deepEqual(disk.send(hotattach('1')).notes, refused('DISK_UNKNOWN'));
  t.is(disk.send({ type: 'RESUME' }).state, 'wiping');
  t.is(disk.send({ type: 'WIPED', attempt: 2, bytes: 2 ** 31, of: 2 ** 31 }).state, 'deleting');
  t.is(disk.send({ type: 'VOLUME_DELETED', attempt: 3 }).state, 'deleted');
});

test('where nothing needs wiping, a discarded volume is removed at once', t => {
  t.deepEqual(play(diskMachine).send({ ...discard, wipe: false }), {
    state: 'deleting',
    notes: [{ publish: { type: 'disk.discarded' } }, { deleteVolume: true }],
  });
});

test('a volume is not discarded while a live domain has it, nor while a node does not answer', t => {
  const disk = play(diskMachine);
  const holders = ["domain 'one-1' on n1"];
  t.deepEqual(disk.send({ ...discard, holders, unseen: ['n2'] }), {
    state: 'new',
    notes: refused('DISK_IN_USE'),
  });
  t.deepEqual(disk.send({ ...discard, unseen: ['n2'] }), { state: 'new', notes: refused('NODES_SILENT') });
});

test('a volume that somebody has changed is neither adopted nor discarded', t => {
  const disk = play(diskMachine);
  for (const event of [adoption, discard]) {
    const { state, notes } = disk.send({ ...event, obstacle: 'has a snapshot' });
    t.deepEqual([state, notes], ['new', refused('LEFTOVER_UNUSABLE')]);
  }
});

test('the volume of a disk on record is neither adopted nor discarded', t => {
  const disk = play(diskMachine);
  disk.send(adoption);
  const before = disk.context();
  for (const event of [adoption, discard]) t.deepEqual(disk.send(event), { state: 'available', notes: [] });
  t.is(disk.context(), before);
});
