import type { DiskMessage } from '../../machines/disk-events.ts';
import { birthOn, stamp, vmOf } from './support/events.ts';
import { availableDisk, hotattach, refused } from './support/play.ts';
import { test } from './support/rule.ts';

const growth = { type: 'RESIZE' as const, sizeGiB: 3, roomGiB: 2, quotaGiB: 2, attaching: false };
const problem = { code: 'GROW_FAILED' as const, detail: 'EIO' };

test('a disk is only made larger, within quota and room, and not while it is being attached', t => {
  const disk = availableDisk(1);
  t.deepEqual(disk.send({ ...growth, sizeGiB: 1 }).notes, refused('NOT_LARGER'));
  t.deepEqual(disk.send({ ...growth, quotaGiB: 1 }).notes, refused('QUOTA_EXCEEDED'));
  t.deepEqual(disk.send({ ...growth, roomGiB: 1 }).notes, refused('NO_SPACE'));
  t.deepEqual(disk.send({ ...growth, attaching: true }).notes, refused('DISK_BUSY'));
  t.deepEqual(disk.send(growth), { state: 'growing', notes: [{ resizeVolume: true }] });
  t.is(disk.context().sizeGiB, 3);
});

test('a disk that is being resized takes no hot attachments and is not deleted; its next state depends on its users', t => {
  const disk = availableDisk(2);
  disk.send(hotattach('1'));
  disk.send(growth);
  const deletion = { type: 'DELETE' as const, wipe: true, holder: null };
  for (const event of [hotattach('2'), deletion, growth])
    t.deepEqual(disk.send(event).notes, refused('DISK_BUSY'));
  const grown = disk.send({ type: 'RESIZED', attempt: 2 });
  t.deepEqual(grown, {
    state: 'hot-attached',
    notes: [{ publish: { type: 'disk.resized' } }, { answer: { problem: null } }],
  });
  t.is(disk.context().deadline, null);
});

test('a disk that is being resized is registered with no more VMs than any other', t => {
  const disk = availableDisk(1);
  disk.send({ type: 'ATTACH', ...birthOn('1', vmOf('1', null)), attachments: [] });
  disk.send(growth);
  const more = { type: 'ATTACH' as const, ...birthOn('2', vmOf('2', null)), attachments: [] };
  t.deepEqual(disk.send({ ...more, mostUsers: 1 }).notes, refused('TOO_MANY_USERS'));
  t.deepEqual(disk.send({ ...more, mostUsers: 2, disksLeft: 0 }).notes, refused('TOO_MANY_ON_VM'));
  t.is(disk.context().users.length, 1);
  disk.send({ ...more, mostUsers: 2, disksLeft: 1 });
  t.is(disk.context().users.length, 2);
});

test('a VM that releases the disk during a resize is not told the new size', t => {
  const disk = availableDisk(1);
  disk.send(hotattach('1'));
  disk.send(growth);
  const left = disk.send({ type: 'RELEASED', attachment: '1' });
  t.deepEqual(left, { state: 'growing', notes: [{ resizeVolume: true }] });
  t.deepEqual(disk.context().users, []);
  t.is(disk.send({ type: 'RESIZED', attempt: 2 }).state, 'growing', 'of the attempt before');
  t.is(disk.send({ type: 'RESIZED', attempt: 3 }).state, 'available');
});

test('a volume that was not resized leaves the disk at its old size', t => {
  const disk = availableDisk(1);
  disk.send(growth);
  t.deepEqual(disk.send({ type: 'NOT_RESIZED', attempt: 2, problem }), {
    state: 'available',
    notes: [{ publish: { type: 'disk.resize-failed', problem } }, { answer: { problem } }],
  });
  t.is(disk.context().sizeGiB, 1);
});

test('while a VM may not know the new size, the resize goes on, and its caller is told', t => {
  const disk = availableDisk(1);
  disk.send(hotattach('1'));
  disk.send(growth);
  const pending = { code: 'GROW_TIMEOUT' as const, detail: 'node silent' };
  const waiting = disk.send({ type: 'RESIZE_PENDING', attempt: 2, problem: pending });
  t.deepEqual(waiting, { state: 'growing', notes: [{ answer: { problem: pending } }] });
  t.is(disk.context().deadline, stamp.now + 10_000);
  t.deepEqual(disk.send({ type: 'TIMEOUT' }).notes.at(-1), { resizeVolume: true });
  t.is(disk.send({ type: 'RESIZED', attempt: 3 }).state, 'hot-attached');
});

test('a deleted disk is gone when its wiping begins, and its volume is removed when all of it is wiped', t => {
  const disk = availableDisk(1);
  t.deepEqual(disk.send({ type: 'DELETE', wipe: true, holder: null }), {
    state: 'wiping',
    notes: [{ publish: { type: 'disk.deleted' } }, { answer: { problem: null } }, { wipeVolume: true }],
  });
  t.deepEqual(disk.send(hotattach('1')).notes, refused('DISK_UNKNOWN'));
  t.deepEqual(disk.send({ type: 'DELETE', wipe: true, holder: null }).notes, refused('DISK_UNKNOWN'));
  const half = disk.send({ type: 'WIPED', attempt: 2, bytes: 2 ** 29, of: 2 ** 30 });
  t.deepEqual(half, { state: 'wiping', notes: [{ publish: { type: 'disk.wiping' } }, { wipeVolume: true }] });
  t.deepEqual(disk.context().wiped, { bytes: 2 ** 29, of: 2 ** 30 });
  t.is(disk.send({ type: 'WIPED', attempt: 3, bytes: 2 ** 30, of: 2 ** 30 }).state, 'deleting');
  t.deepEqual(disk.send({ type: 'VOLUME_DELETED', attempt: 4 }), {
    state: 'deleted',
    notes: [{ publish: { type: 'disk.wiped' } }, { answer: { problem: null } }],
  });
});

test('wiping continues from where it was after a restart, and after a failure', t => {
  const disk = availableDisk(1);
  disk.send({ type: 'DELETE', wipe: true, holder: null });
  disk.send({ type: 'WIPED', attempt: 2, bytes: 2 ** 29, of: 2 ** 30 });
  for (const event of [{ type: 'RESUME' as const }, { type: 'TIMEOUT' as const }]) {
    const { state, notes } = disk.send(event);
    t.deepEqual([state, notes.at(-1)], ['wiping', { wipeVolume: true }]);
    t.is(disk.context().wiped?.bytes, 2 ** 29);
  }
});

test('repeated failures are retried at growing intervals, until one attempt succeeds', t => {
  const problem = { code: 'WIPE_FAILED' as const, detail: 'open in another program' };
  const disk = availableDisk(1);
  disk.send({ type: 'DELETE', wipe: true, holder: null });
  const waits: number[] = [];
  for (let time = 0; time < 8; time += 1) {
    disk.send({ type: 'WIPE_FAILED', attempt: disk.context().attempt, problem });
    waits.push(((disk.context().deadline ?? 0) - stamp.now) / 1000);
    disk.send({ type: 'TIMEOUT' });
  }
  t.deepEqual(waits, [10, 20, 40, 80, 160, 320, 600, 600]);
  disk.send({ type: 'WIPED', attempt: disk.context().attempt, bytes: 2 ** 29, of: 2 ** 30 });
  disk.send({ type: 'WIPE_FAILED', attempt: disk.context().attempt, problem });
  t.is(disk.context().deadline, stamp.now + 10_000);
});

test('an unfinished resize is retried at growing intervals', t => {
  const disk = availableDisk(1);
  disk.send(hotattach('1'));
  disk.send(growth);
  const pending = { code: 'GROW_TIMEOUT' as const, detail: 'node silent' };
  for (const wait of [10_000, 20_000, 40_000]) {
    disk.send({ type: 'RESIZE_PENDING', attempt: disk.context().attempt, problem: pending });
    t.is(disk.context().deadline, stamp.now + wait);
    disk.send({ type: 'TIMEOUT' });
  }
});

test('a VM may be registered for a disk that is being resized, and is told its size', t => {
  const disk = availableDisk(1);
  disk.send(hotattach('1'));
  disk.send(growth);
  const cold = (id: string) => ({ ...hotattach(id, vmOf(id, null)), type: 'ATTACH' }) as DiskMessage;
  const added = disk.send(cold('2'));
  t.is(added.state, 'growing');
  t.deepEqual(added.notes.at(-1), { resizeVolume: true });
  t.like(added.notes, [{ tell: { to: 'attachment/2' } }]);
  const again = (id: string) => ({ ...cold(id), attachments: [id] }) as DiskMessage;
  t.deepEqual(disk.send(again('2')).notes, [], 'registered already');
  t.deepEqual(disk.send(again('1')).notes, refused('HOT_PLUGGED'));
  t.is(disk.send({ type: 'RESIZED', attempt: disk.context().attempt }).state, 'hot-attached');
});

test('a disk whose resize does not end can be deleted once it has no users', t => {
  const disk = availableDisk(1);
  disk.send(hotattach('1'));
  disk.send(growth);
  const deletion = { type: 'DELETE' as const, wipe: false, holder: null };
  t.deepEqual(disk.send(deletion).notes, refused('DISK_BUSY'));
  const pending = { code: 'GROW_TIMEOUT' as const, detail: 'node silent' };
  disk.send({ type: 'RESIZE_PENDING', attempt: 2, problem: pending });
  t.deepEqual(disk.send(deletion).notes, refused('DISK_IN_USE'));
  disk.send({ type: 'RELEASED', attachment: '1' });
  t.deepEqual(disk.send(deletion), { state: 'deleting', notes: [{ deleteVolume: true }] });
});

test('where nothing needs wiping, a deleted disk is removed at once', t => {
  t.deepEqual(availableDisk(1).send({ type: 'DELETE', wipe: false, holder: null }), {
    state: 'deleting',
    notes: [{ deleteVolume: true }],
  });
});
