import test from 'ava';
import fc from 'fast-check';
import { diskKey } from '../../machines/notes.ts';
import { createCatalogue } from '../../src/disks/catalogue.ts';
import type { KeptDisk } from '../../src/disks/records.ts';

const uuidOf = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

interface Sketch {
  readonly number: number;
  readonly created: number;
  readonly owner: string;
  readonly visibility: 'private' | 'public';
}

const diskOf = ({ number, created, owner, visibility }: Sketch): KeptDisk => ({
  v: 1,
  state: 'available',
  context: {
    uuid: uuidOf(number),
    owner,
    tag: '',
    visibility,
    sizeGiB: 1,
    limit: 1,
    created,
    users: [],
    attempt: 0,
    deadline: null,
    undo: null,
    grownFrom: null,
    wiped: null,
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

/** A catalogue, and the same disks in a plain list. */
function play(
  steps: readonly (typeof births | typeof changes | typeof deaths extends fc.Arbitrary<infer T>
    ? T
    : never)[],
) {
  const catalogue = createCatalogue();
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
      else catalogue.put(diskKey(uuidOf(found.number)), undefined);
    }
    for (const sketch of sketches) catalogue.put(diskKey(uuidOf(sketch.number)), diskOf(sketch));
  }
  const inOrder = sketches.sort((a, b) => a.created - b.created || a.number - b.number);
  return { catalogue, inOrder };
}

const uuids = (disks: Iterable<KeptDisk>): string[] => [...disks].map(({ context }) => context.uuid);

test('disks are listed by their creation, whatever became of others, from any place', t => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(births, births, changes, deaths), { maxLength: 40 }),
      fc.nat(6),
      (steps, created) => {
        const { catalogue, inOrder } = play(steps);
        t.deepEqual(
          uuids(catalogue.inOrder(undefined)),
          inOrder.map(({ number }) => uuidOf(number)),
        );
        const place = { created, uuid: uuidOf(20) };
        const later = inOrder.filter(
          one => one.created > created || (one.created === created && one.number > 20),
        );
        t.deepEqual(
          uuids(catalogue.inOrder(place)),
          later.map(({ number }) => uuidOf(number)),
        );
        const own = later.filter(({ owner, visibility }) => owner === 'alice' || visibility === 'public');
        t.deepEqual(
          uuids(catalogue.inOrderFor('alice', place)),
          own.map(({ number }) => uuidOf(number)),
        );
      },
    ),
  );
});

test('what is listed is the disk as it is now', t => {
  const catalogue = createCatalogue();
  const disk = diskOf({ number: 1, created: 1, owner: 'alice', visibility: 'private' });
  catalogue.put(diskKey(uuidOf(1)), disk);
  const changed = { ...disk, context: { ...disk.context, tag: 'changed' } };
  catalogue.put(diskKey(uuidOf(1)), changed);
  t.deepEqual([...catalogue.inOrder(undefined)], [changed]);
});
