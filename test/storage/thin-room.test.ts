import test from 'ava';
import { thinRoom } from '../../src/storage/lvm/thin-room.ts';

const GIB = 2 ** 30;
const pool = { bytes: 100 * GIB, dataPercent: 10, metadataPercent: 5, zeroes: true, othersBytes: 0 };

function roomOf(more: Partial<typeof pool>, overcommit = 1): { GiB: number; warnings: number } {
  let warnings = 0;
  const warn = (): void => {
    warnings += 1;
  };
  return { GiB: thinRoom({ ...pool, ...more }, overcommit, { warn }) / GIB, warnings };
}

test('a thin pool promises its size times the over-commit factor, less what is promised to others', t => {
  t.deepEqual(roomOf({}), { GiB: 100, warnings: 0 });
  t.deepEqual(roomOf({}, 2.5), { GiB: 250, warnings: 0 });
  t.deepEqual(roomOf({ othersBytes: 30 * GIB }, 2), { GiB: 170, warnings: 0 });
  t.deepEqual(roomOf({ othersBytes: 300 * GIB }), { GiB: 0, warnings: 0 });
});

test('a thin pool that comes near its end warns, and then promises nothing more', t => {
  t.deepEqual(roomOf({ dataPercent: 75 }, 2), { GiB: 200, warnings: 1 });
  t.deepEqual(roomOf({ metadataPercent: 60 }, 2), { GiB: 200, warnings: 1 });
  t.deepEqual(roomOf({ dataPercent: 90 }, 2), { GiB: 0, warnings: 1 });
  t.deepEqual(roomOf({ metadataPercent: 80 }, 2), { GiB: 0, warnings: 1 });
});
