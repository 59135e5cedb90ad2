import test from 'ava';
import { wipePiece } from '../../src/storage/lvm/wipe.ts';
import { never } from './support/pool-suite.ts';

const MIB = 2 ** 20;
const flush = 'sync /dev/vg/volume';

/** The programs that wipe a device of 300 MiB: name and first argument of each. */
async function programsFor(how: 'zero' | 'discard', can: { zero?: true; discard?: true }): Promise<string[]> {
  const lines: string[] = [];
  const run = async (program: string, args: readonly string[]): Promise<string> => {
    lines.push([program, args[0]].join(' '));
    return '';
  };
  const kernel = {
    bytesOf: async () => 300 * MIB,
    canZero: async () => can.zero === true,
    canDiscard: async () => can.discard === true,
  };
  const wiping = { run, kernel, how, rate: undefined };
  await wipePiece(wiping, { path: '/dev/vg/volume', bytes: 300 * MIB }, 0, never());
  return lines;
}

test('zeros are written by the device and flushed if it can do so, else with dd', async t => {
  const [zeroout, sent] = ['blkdiscard --zeroout', 'dd if=/dev/zero'];
  t.deepEqual(await programsFor('zero', { zero: true, discard: true }), [zeroout, zeroout, flush]);
  t.deepEqual(await programsFor('zero', { discard: true }), [sent, sent]);
});

test('a device without discard is wiped with zeros', async t => {
  const [discard, zeroout] = ['blkdiscard --offset', 'blkdiscard --zeroout'];
  t.deepEqual(await programsFor('discard', { zero: true, discard: true }), [discard, discard, flush]);
  t.deepEqual(await programsFor('discard', { zero: true }), [zeroout, zeroout, flush]);
  t.deepEqual(await programsFor('discard', {}), ['dd if=/dev/zero', 'dd if=/dev/zero']);
});
