import test from 'ava';
import fc from 'fast-check';
import { initialAttachment } from '../../machines/attachment-parts.ts';
import { initialDisk } from '../../machines/disk-parts.ts';
import { attachmentKey, diskKey } from '../../machines/notes.ts';
import { createRecordIndex } from '../../src/disks/records/record-index.ts';
import type { StoredAttachment, StoredDisk } from '../../src/disks/records/records.ts';

const STATES = ['creating', 'available', 'attached', 'deleting', 'wiping'] as const;

const diskOf = (number: number, state: StoredDisk['state'], sizeGiB: number): StoredDisk => ({
  v: 2,
  state,
  context: {
    ...initialDisk,
    uuid: String(number),
    owner: number % 2 === 0 ? 'alice' : 'bob',
    sizeGiB,
  },
});

const changes = fc.array(
  fc.record({
    number: fc.nat(5),
    state: fc.option(fc.constantFrom(...STATES)),
    sizeGiB: fc.integer({ min: 1, max: 9 }),
  }),
);

test('the counts of a record index are those of counting its records anew', t => {
  fc.assert(
    fc.property(changes, all => {
      const index = createRecordIndex();
      for (const { number, state, sizeGiB } of all) {
        index.set(diskKey(String(number)), state === null ? undefined : diskOf(number, state, sizeGiB));
      }
      const left = [...index.disks()];
      const states = new Map<string, number>();
      for (const { state } of left) states.set(state, (states.get(state) ?? 0) + 1);
      t.deepEqual(new Map([...index.counts().disks].sort()), new Map([...states].sort()));
      t.is(
        index.promisedGiB(),
        left.reduce((sum, { context }) => sum + context.sizeGiB, 0),
      );
      const owned = left.filter(({ state, context }) => state !== 'wiping' && context.owner === 'bob');
      t.is(index.ownedBy('bob').disks, owned.length);
    }),
  );
});

const attachmentOf = (id: number, disk: number): StoredAttachment => ({
  v: 3,
  state: 'attached',
  context: {
    ...initialAttachment,
    id: String(id),
    disk: String(disk),
    node: 'n',
    vmId: String(id),
    vm: { host: 'n', node: 'n', names: [String(id)], domain: null },
    by: 'alice',
    mode: 'cold',
    since: id,
  },
});

test("a disk's attachments are those that a search of all attachments finds, in order of attachment", t => {
  const steps = fc.array(fc.record({ id: fc.nat(9), isThere: fc.boolean() }));
  fc.assert(
    fc.property(steps, all => {
      const index = createRecordIndex();
      for (const { id, isThere } of all)
        index.set(attachmentKey(String(id)), isThere ? attachmentOf(id, id % 3) : undefined);
      for (const disk of ['0', '1', '2']) {
        const found = index.attachmentsFor(disk);
        t.deepEqual(
          [...found],
          [...index.attachments()].filter(({ context }) => context.disk === disk),
        );
      }
    }),
  );
});
