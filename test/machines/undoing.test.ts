import { diskMachine } from '../../machines/disk.ts';
import { DISK, stamp } from './support/events.ts';
import { play, quotaLeft } from './support/play.ts';
import { test } from './support/rule.ts';

const problem = { code: 'REMOVE_FAILED' as const, detail: 'EMFILE' };

/** A disk whose volume is being created, attempt 1. */
function creatingDisk(repeatable = false) {
  const disk = play(diskMachine);
  const birth = {
    uuid: DISK,
    owner: 'alice',
    tag: '',
    visibility: 'private' as const,
    sizeGiB: 1,
    limit: 1,
    repeatable,
  };
  disk.send({ type: 'CREATE', ...birth, roomGiB: 1, quotaLeft });
  return disk;
}

test('a creation that could not be undone is undone later, without a request', t => {
  const disk = creatingDisk();
  disk.send({ type: 'VOLUME_FAILED', attempt: 1, problem: { code: 'VOLUME_FAILED', detail: 'EMFILE' } });
  const failed = disk.send({ type: 'REMOVE_FAILED', attempt: 2, problem });
  t.is(failed.state, 'failed');
  t.like(failed.notes, [{ answer: { problem: { code: 'CREATE_NOT_UNDONE' } } }]);
  t.is(disk.context().deadline, stamp.now + 10_000);
  t.deepEqual(disk.send({ type: 'TIMEOUT' }), { state: 'deleting', notes: [{ deleteVolume: true }] });
  disk.send({ type: 'REMOVE_FAILED', attempt: 3, problem });
  t.is(disk.context().deadline, stamp.now + 20_000, 'less and less often');
  disk.send({ type: 'TIMEOUT' });
  t.is(disk.send({ type: 'VOLUME_DELETED', attempt: 4 }).state, 'deleted');
});

test('a removal that failed is retried at growing intervals', t => {
  const disk = creatingDisk();
  disk.send({ type: 'VOLUME_CREATED', attempt: 1 });
  disk.send({ type: 'DELETE', wipe: false, holder: null });
  for (const wait of [10_000, 20_000, 40_000]) {
    const { state, notes } = disk.send({ type: 'REMOVE_FAILED', attempt: disk.context().attempt, problem });
    t.deepEqual([state, notes], ['deleting', [{ answer: { problem } }]]);
    t.is(disk.context().deadline, stamp.now + wait);
    t.deepEqual(disk.send({ type: 'TIMEOUT' }).notes.at(-1), { deleteVolume: true });
  }
});

test('a creation that a restart interrupted is undone, since its caller was not told the UUID', t => {
  const disk = creatingDisk();
  t.deepEqual(disk.send({ type: 'RESUME' }), { state: 'deleting', notes: [{ deleteVolume: true }] });
  t.is(disk.context().undo?.code, 'CREATE_INTERRUPTED');
  t.is(disk.send({ type: 'VOLUME_CREATED', attempt: 1 }).state, 'deleting');
  t.is(disk.send({ type: 'VOLUME_DELETED', attempt: 2 }).state, 'deleted');
});

test('a creation that can be repeated by its key goes on after a restart', t => {
  const disk = creatingDisk(true);
  t.deepEqual(disk.send({ type: 'RESUME' }), { state: 'creating', notes: [{ createVolume: true }] });
  t.is(disk.send({ type: 'VOLUME_CREATED', attempt: 2 }).state, 'available');
});

test('a retry goes on after a restart only where it can be repeated by its key', t => {
  for (const repeatable of [true, false]) {
    const disk = creatingDisk(!repeatable);
    disk.send({ type: 'VOLUME_FAILED', attempt: 1, problem: { code: 'VOLUME_FAILED', detail: '' } });
    disk.send({ type: 'REMOVE_FAILED', attempt: 2, problem });
    t.is(disk.send({ type: 'RETRY', repeatable }).state, 'creating');
    t.is(disk.context().failures, 0);
    t.is(disk.send({ type: 'RESUME' }).state, repeatable ? 'creating' : 'deleting');
  }
});
