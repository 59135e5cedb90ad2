import test from 'ava';
import { thinRoom, thinUse } from '../../src/storage/lvm/thin-room.ts';

const GIB = 2 ** 30;
const pool = { bytes: 100 * GIB, dataPercent: 10, metadataPercent: 5, zeroes: true, othersBytes: 0 };

const roomOf = (more: Partial<typeof pool>, overcommit = 1): number =>
  thinRoom({ ...pool, ...more }, overcommit) / GIB;

test('a thin pool promises its size times the overcommit factor, minus the volumes that are not ours', t => {
  t.is(roomOf({}), 100);
  t.is(roomOf({}, 2.5), 250);
  t.is(roomOf({ othersBytes: 30 * GIB }, 2), 170);
  t.is(roomOf({ othersBytes: 300 * GIB }), 0);
});

test('a thin pool with full data or metadata promises nothing more', t => {
  t.is(roomOf({ dataPercent: 89.9 }, 2), 200);
  t.is(roomOf({ metadataPercent: 79.9 }, 2), 200);
  t.is(roomOf({ dataPercent: 90 }, 2), 0);
  t.is(roomOf({ metadataPercent: 80 }, 2), 0);
});

test('a thin pool that is not active reports no use', t => {
  t.deepEqual(thinUse({ ...pool, dataPercent: undefined, metadataPercent: undefined }), []);
  t.deepEqual(thinUse(pool), [
    { what: 'data', percent: 10 },
    { what: 'metadata', percent: 5 },
  ]);
});
