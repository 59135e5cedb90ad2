import test from 'ava';
import fc from 'fast-check';
import { initialDisk } from '../../machines/disk-parts.ts';
import { diskKey } from '../../machines/notes.ts';
import { createListingIndex } from '../../src/disks/records/listing-index.ts';
import type { StoredDisk } from '../../src/disks/records/records.ts';

const uuidOf = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

interface Sketch {
  readonly number: number;
  readonly created: number;
  readonly owner: string;
  readonly visibility: 'private' | 'public';
}

const diskOf = ({ number, created, owner, visibility }: Sketch): StoredDisk => ({
  v: 2,
  state: 'available',
  context: {
    ...initialDisk,
    uuid: uuidOf(number),
    owner,
    visibility,
    sizeGiB: 1,
    created,
  },
});

const visibilities = fc.constantFrom('private' as const, 'public' as const);
const births = fc
  .record({ created: fc.nat(5), owner: fc.constantFrom('alice', 'bob'), visibility: visibilities })
  .map(birth => ({ kind: 'birth' as const, ...birth }));
const changes = fc
  .record({ which: fc.nat(20), visibility: visibilities })
  .map(change => ({ kind: 'change' as const, ...change }));
const deaths = fc.nat(20).map(which => ({ kind: 'death' as const, which }));

/** A listing index, and the same disks in a plain list. */
function play(
  steps: readonly (typeof births | typeof changes | typeof deaths extends fc.Arbitrary<infer T>
    ? T
    : never)[],
) {
  // So small that blocks are filled, split and emptied all the time.
  const listing = createListingIndex(3);
  let sketches: Sketch[] = [];
  for (const [number, step] of steps.entries()) {
    if (step.kind === 'birth') {
      const { kind: _, ...birth } = step;
      sketches.push({ number, ...birth });
    } else {
      const found = sketches[step.which % Math.max(1, sketches.length)];
      if (!found) continue;
      sketches = sketches.filter(sketch => sketch !== found);
      if (step.kind === 'change') sketches.push({ ...found, visibility: step.visibility });
      else listing.set(diskKey(uuidOf(found.number)), undefined);
    }
    for (const sketch of sketches) listing.set(diskKey(uuidOf(sketch.number)), diskOf(sketch));
  }
  const inOrder = sketches.sort((a, b) => a.created - b.created || a.number - b.number);
  return { listing, inOrder };
}

const uuids = (disks: Iterable<StoredDisk>): string[] => [...disks].map(({ context }) => context.uuid);

test('disks are listed in order of creation, from any position, whatever other disks were deleted', t => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(births, births, changes, deaths), { maxLength: 40 }),
      fc.nat(6),
      (steps, created) => {
        const { listing, inOrder } = play(steps);
        t.deepEqual(
          uuids(listing.inOrder(undefined)),
          inOrder.map(({ number }) => uuidOf(number)),
        );
        t.deepEqual(
          listing.blocks().flatMap(block => block.map(({ uuid, visibility }) => [uuid, visibility])),
          inOrder.map(({ number, visibility }) => [uuidOf(number), visibility]),
        );
        const place = { created, uuid: uuidOf(20) };
        const later = inOrder.filter(
          one => one.created > created || (one.created === created && one.number > 20),
        );
        t.deepEqual(
          uuids(listing.inOrder(place)),
          later.map(({ number }) => uuidOf(number)),
        );
        const own = later.filter(({ owner, visibility }) => owner === 'alice' || visibility === 'public');
        t.deepEqual(
          uuids(listing.inOrderFor('alice', place)),
          own.map(({ number }) => uuidOf(number)),
        );
      },
    ),
  );
});

test('a list has the present version of each disk', t => {
  const listing = createListingIndex();
  const disk = diskOf({ number: 1, created: 1, owner: 'alice', visibility: 'private' });
  listing.set(diskKey(uuidOf(1)), disk);
  const changed = { ...disk, context: { ...disk.context, tag: 'changed' } };
  listing.set(diskKey(uuidOf(1)), changed);
  t.deepEqual([...listing.inOrder(undefined)], [changed]);
});

test('a block is the same array while none of its disks changes, and has known disks only', t => {
  const listing = createListingIndex(2);
  const disks = [0, 1, 2, 3, 4].map(number =>
    diskOf({ number, created: number, owner: 'alice', visibility: 'private' }),
  );
  for (const disk of disks) listing.set(diskKey(disk.context.uuid), disk);
  const before = listing.blocks();
  t.deepEqual(
    before.map(block => block.length),
    [2, 2, 1],
  );
  const [, , changed, hidden] = disks as [StoredDisk, StoredDisk, StoredDisk, StoredDisk];
  listing.set(diskKey(changed.context.uuid), { ...changed, context: { ...changed.context, tag: 'new' } });
  listing.set(diskKey(hidden.context.uuid), { ...hidden, state: 'deleting' });
  const after = listing.blocks();
  t.deepEqual(
    after[1]?.map(({ tag }) => tag),
    ['new'],
  );
  t.is(after[0], before[0]);
  t.is(after[2], before[2]);
});
