import test from 'ava';
import { stamp } from './events.ts';
import { availableDisk, hotattach, refused } from './play.ts';

const growth = { type: 'GROW' as const, sizeGiB: 3, roomGiB: 2, quotaGiB: 2, attaching: false };
const problem = { code: 'GROW_FAILED' as const, detail: 'EIO' };

test('a disk only grows, within quota and room, and not while it is being attached', t => {
  const disk = availableDisk(1);
  t.deepEqual(disk.send({ ...growth, sizeGiB: 1 }).notes, refused('NOT_LARGER'));
  t.deepEqual(disk.send({ ...growth, quotaGiB: 1 }).notes, refused('QUOTA_EXCEEDED'));
  t.deepEqual(disk.send({ ...growth, roomGiB: 1 }).notes, refused('NO_SPACE'));
  t.deepEqual(disk.send({ ...growth, attaching: true }).notes, refused('DISK_BUSY'));
  t.deepEqual(disk.send(growth), { state: 'growing', notes: [{ growVolume: true }] });
  t.is(disk.context().sizeGiB, 3);
});

test('a disk that grows takes no new users and is not deleted, and afterwards is what its users make it', t => {
  const disk = availableDisk(2);
  disk.send(hotattach('1'));
  disk.send(growth);
  const deletion = { type: 'DELETE' as const, wipe: true, holder: null };
  for (const event of [hotattach('2'), deletion, growth])
    t.deepEqual(disk.send(event).notes, refused('DISK_BUSY'));
  const grown = disk.send({ type: 'GROWN', attempt: 2 });
  t.deepEqual(grown, {
    state: 'hot-attached',
    notes: [{ publish: { type: 'disk.resized' } }, { answer: { problem: null } }],
  });
  t.is(disk.context().deadline, null);
});

test('a machine that leaves while the disk grows is not told of the new size', t => {
  const disk = availableDisk(1);
  disk.send(hotattach('1'));
  disk.send(growth);
  const left = disk.send({ type: 'RELEASED', attachment: '1' });
  t.deepEqual(left, { state: 'growing', notes: [{ growVolume: true }] });
  t.deepEqual(disk.context().users, []);
  t.is(disk.send({ type: 'GROWN', attempt: 2 }).state, 'growing', 'of the attempt before');
  t.is(disk.send({ type: 'GROWN', attempt: 3 }).state, 'available');
});

test('a volume that did not grow leaves the disk as large as it was', t => {
  const disk = availableDisk(1);
  disk.send(growth);
  t.deepEqual(disk.send({ type: 'NOT_GROWN', attempt: 2, problem }), {
    state: 'available',
    notes: [{ publish: { type: 'disk.resize-failed', problem } }, { answer: { problem } }],
  });
  t.is(disk.context().sizeGiB, 1);
});

test('while a machine may not know the new size, the disk goes on growing, and its caller is told', t => {
  const disk = availableDisk(1);
  disk.send(hotattach('1'));
  disk.send(growth);
  const pending = { code: 'GROW_TIMEOUT' as const, detail: 'node silent' };
  const waiting = disk.send({ type: 'GROW_PENDING', attempt: 2, problem: pending });
  t.deepEqual(waiting, { state: 'growing', notes: [{ answer: { problem: pending } }] });
  t.is(disk.context().deadline, stamp.now + 10_000);
  t.deepEqual(disk.send({ type: 'TIMEOUT' }).notes.at(-1), { growVolume: true });
  t.is(disk.send({ type: 'GROWN', attempt: 3 }).state, 'hot-attached');
});

test('a deleted disk is gone when its wiping begins, and removed when it is wiped whole', t => {
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
  t.deepEqual(disk.send({ type: 'VOLUME_REMOVED', attempt: 4 }), {
    state: 'deleted',
    notes: [{ publish: { type: 'disk.wiped' } }, { answer: { problem: null } }],
  });
});

test('wiping goes on from where it was after a restart, and after a failure', t => {
  const disk = availableDisk(1);
  disk.send({ type: 'DELETE', wipe: true, holder: null });
  disk.send({ type: 'WIPED', attempt: 2, bytes: 2 ** 29, of: 2 ** 30 });
  for (const event of [{ type: 'RESUME' as const }, { type: 'TIMEOUT' as const }]) {
    const { state, notes } = disk.send(event);
    t.deepEqual([state, notes.at(-1)], ['wiping', { wipeVolume: true }]);
    t.is(disk.context().wiped?.bytes, 2 ** 29);
  }
  const failure = { code: 'WIPE_FAILED' as const, detail: 'open in another program' };
  disk.send({ type: 'WIPE_FAILED', attempt: disk.context().attempt, problem: failure });
  t.is(disk.context().deadline, stamp.now + 10_000);
});

test('where nothing needs wiping, a deleted disk is removed at once', t => {
  t.deepEqual(availableDisk(1).send({ type: 'DELETE', wipe: false, holder: null }), {
    state: 'deleting',
    notes: [{ removeVolume: true }],
  });
});
