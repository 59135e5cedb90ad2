import { DISK, stamp } from './support/events.ts';
import { test } from './support/rule.ts';
import { creation, deletion, disks, problem } from './support/states.ts';

const attempt = 1;
const notUndone = { code: 'CREATE_NOT_UNDONE', detail: problem.detail };
const discard = { type: 'DISCARD' as const, uuid: DISK, sizeGiB: 1, holders: [], unseen: [], obstacle: null };

test('a disk is available when its volume is created, and its caller is told', t => {
  const disk = disks.creating();
  t.deepEqual(disk.send({ type: 'VOLUME_CREATED', attempt }), {
    state: 'available',
    notes: [{ publish: { type: 'disk.created' } }, { answer: { problem: null } }],
  });
  t.is(disk.context().deadline, null);
});

test('a creation that passes its deadline is undone', t => {
  const disk = disks.creating();
  t.deepEqual(disk.send({ type: 'TIMEOUT' }), { state: 'deleting', notes: [{ deleteVolume: true }] });
  t.deepEqual(disk.context().undo, { code: 'CREATE_TIMEOUT', detail: '' });
});

test('a creation is undone for the reason of its last attempt, even if that attempt did not begin', t => {
  const disk = disks.failed();
  disk.send({ type: 'RETRY' });
  t.is(disk.context().undo, null);
  const busy = { code: 'POOL_BUSY' as const, detail: '' };
  disk.send({ type: 'NOT_BEGUN', attempt: disk.context().attempt, problem: busy });
  t.deepEqual(disk.context().undo, busy);
});

for (const wipe of [true, false]) {
  test(`a discarded volume, ${wipe ? 'wiped' : 'removed at once'}, has a record with its id, size and the time of the decision`, t => {
    const disk = disks.new();
    disk.send({ ...discard, wipe });
    t.like(disk.context(), { uuid: DISK, sizeGiB: 1, created: stamp.time });
  });
}

test('a disk whose resize does not end can be deleted and wiped like any other', t => {
  const disk = disks.growing();
  disk.send({ type: 'RESIZE_PENDING', attempt: disk.context().attempt, problem });
  t.deepEqual(disk.send({ ...deletion, wipe: true }), {
    state: 'wiping',
    notes: [{ publish: { type: 'disk.deleted' } }, { answer: { problem: null } }, { wipeVolume: true }],
  });
});

test('the progress of the last wiped bytes is published like all others, before the volume is removed', t => {
  const disk = disks.wiping();
  const bytes = 2 ** 30;
  t.deepEqual(disk.send({ type: 'WIPED', attempt: disk.context().attempt, bytes, of: bytes }), {
    state: 'deleting',
    notes: [{ publish: { type: 'disk.wiping' } }, { deleteVolume: true }],
  });
  t.deepEqual(disk.context().wiped, { bytes, of: bytes });
});

test('a start does not wait for wiping', t => {
  t.deepEqual(disks.wiping().send({ type: 'RESUME' }), {
    state: 'wiping',
    notes: [{ answer: { problem: null } }, { wipeVolume: true }],
  });
});

test('a disk that needs no wiping is deleted when its volume is removed, and its caller is told then', t => {
  const disk = disks.deleting();
  t.deepEqual(disk.send({ type: 'VOLUME_DELETED', attempt: disk.context().attempt }), {
    state: 'deleted',
    notes: [{ publish: { type: 'disk.deleted' } }, { answer: { problem: null } }],
  });
});

test('a removal that passes its deadline is tried again, and its caller is told', t => {
  t.deepEqual(disks.deleting().send({ type: 'TIMEOUT' }), {
    state: 'deleting',
    notes: [{ answer: { problem: { code: 'REMOVE_TIMEOUT', detail: '' } } }, { deleteVolume: true }],
  });
});

test('a removal goes on after a restart', t => {
  t.deepEqual(disks.deleting().send({ type: 'RESUME' }), {
    state: 'deleting',
    notes: [{ deleteVolume: true }],
  });
});

test('a creation that cannot be undone, in time or at all, leaves a failed disk, and its caller is told', t => {
  for (const type of ['TIMEOUT', 'REMOVE_FAILED'] as const) {
    const disk = disks['deleting, being undone']();
    const event =
      type === 'TIMEOUT' ? { type } : { type, attempt: disk.context().attempt, problem: { ...problem } };
    t.deepEqual(disk.send(event), {
      state: 'failed',
      notes: [{ answer: { problem: notUndone } }, { publish: { type: 'disk.failed', problem: notUndone } }],
    });
  }
});

test('a caller who deletes a failed disk is told that it is deleted, not why it failed', t => {
  const disk = disks.failed();
  t.deepEqual(disk.send(deletion), { state: 'deleting', notes: [{ deleteVolume: true }] });
  t.like(disk.context(), { undo: null, failures: 0 });
  t.deepEqual(disk.send({ type: 'VOLUME_DELETED', attempt: disk.context().attempt }), {
    state: 'deleted',
    notes: [{ publish: { type: 'disk.deleted' } }, { answer: { problem: null } }],
  });
});

test('an undo that succeeds late, after it was given up, deletes the failed disk', t => {
  const disk = disks.failed();
  t.deepEqual(disk.send({ type: 'VOLUME_DELETED', attempt: disk.context().attempt }), {
    state: 'deleted',
    notes: [{ publish: { type: 'disk.deleted' } }],
  });
});

test('a new disk has the fields of the request', t => {
  const { uuid, owner, tag, visibility, sizeGiB, limit } = creation;
  t.like(disks.creating().context(), { uuid, owner, tag, visibility, sizeGiB, limit, created: stamp.time });
});
