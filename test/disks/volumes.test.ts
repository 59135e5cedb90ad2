import test from 'ava';
import { initialDisk } from '../../machines/disk-parts.ts';
import { diskKey } from '../../machines/notes.ts';
import { ageSentence } from '../../src/disks/drift/store-age.ts';
import { watchVolumes } from '../../src/disks/drift/volumes.ts';
import { createRecordIndex } from '../../src/disks/records/record-index.ts';
import type { StoredRecord } from '../../src/disks/records/records.ts';
import { errorOf } from '../../src/errors.ts';
import type { LeftoverRecord } from '../../src/store/records.ts';

const UUID = 'eb198dec-3560-4a9a-b3b4-5f043410a3dd';
const OTHER = '0f2c7a8e-7d0b-4f7e-9c53-6c5b1c8d9e10';

const kept = (uuid: string, state: 'available' | 'creating' = 'available', created = 0): StoredRecord => ({
  v: 2,
  state,
  context: { ...initialDisk, uuid, sizeGiB: 1, created },
});

/** A pool whose volumes are only names. `onList` is called before each list. */
function world(
  volumes: string[],
  disks: StoredRecord[] = [],
  onList: (count: number) => void = () => {},
  { createdMs }: { createdMs?: number | undefined } = { createdMs: 500 },
) {
  const decided = createRecordIndex();
  for (const disk of disks) decided.set(diskKey((disk.context as { uuid: string }).uuid), disk);
  const written = new Map<string, unknown>();
  const clock = { time: 1000 };
  const counts = { lists: 0 };
  const pool = {
    async list() {
      counts.lists += 1;
      onList(counts.lists);
      return volumes.map(uuid => ({ uuid, bytes: 2 ** 30, createdMs }));
    },
    strangers: async () => [],
  };
  const groupCommit = {
    async commit(writes: readonly { key: string; value: unknown }[]) {
      for (const { key, value } of writes)
        value === undefined ? written.delete(key) : written.set(key, value);
    },
    flushed: async () => {},
  };
  const start = () => {
    const known = [...written.values()] as LeftoverRecord[];
    const bornMs = async (uuid: string) => (uuid === OTHER ? 400 : undefined);
    return watchVolumes({ pool, bornMs, groupCommit, decided, known, time: () => clock.time });
  };
  return { decided, written, clock, volumes, counts, start };
}

test('a volume without a disk is a leftover from when it was first seen, also after a restart', async t => {
  const { clock, start } = world([UUID]);
  const { leftovers } = await start().look();
  t.deepEqual([...leftovers.values()], [{ uuid: UUID, bytes: 2 ** 30, createdMs: 500, since: 1000 }]);
  clock.time = 10 ** 12;
  t.is((await start().look()).leftovers.get(UUID)?.since, 1000);
});

test('the age of a leftover is looked up where the list does not have it, and unknown where the pool does not know it', async t => {
  const { start } = world([UUID, OTHER], [], undefined, {});
  const { leftovers } = await start().look();
  t.deepEqual(
    [UUID, OTHER].map(uuid => leftovers.get(uuid)?.createdMs),
    [undefined, 400],
  );
});

test('a volume that a disk claims again is no leftover any more, and its record is deleted', async t => {
  const { written, decided, start } = world([UUID]);
  const volumes = start();
  await volumes.look();
  t.is(written.size, 1);
  decided.set(diskKey(UUID), kept(UUID));
  t.is(volumes.last().leftovers.size, 0);
  t.is((await volumes.look()).leftovers.size, 0);
  t.is(written.size, 0);
});

test('a disk without a volume is lost, until its volume is back', async t => {
  const { volumes: names, start } = world([], [kept(UUID), kept(OTHER, 'creating')]);
  const volumes = start();
  t.deepEqual([...(await volumes.look()).lost], [UUID]);
  names.push(UUID);
  t.is((await volumes.look()).lost.size, 0);
});

test('a volume whose disk has just been created or deleted is not a difference', async t => {
  const names = [UUID];
  const { decided, start } = world(names, [kept(OTHER)], lists => {
    if (lists !== 2) return;
    // Between two looks one volume gets its record and the other record its volume.
    decided.set(diskKey(UUID), kept(UUID));
    names.push(OTHER);
  });
  const { leftovers, lost } = await start().look();
  t.deepEqual([leftovers.size, lost.size], [0, 0]);
});

test('callers that come during a look are answered by a list made after their call', async t => {
  const names: string[] = [];
  const later: ReturnType<typeof volumes.look>[] = [];
  const { start, counts } = world(names, [], lists => {
    if (lists !== 1) return;
    later.push(volumes.look(), volumes.look());
    // The list in progress does not have it yet.
    queueMicrotask(() => names.push(UUID));
  });
  const volumes = start();
  t.is((await volumes.look()).leftovers.size, 0);
  t.is(later.length, 2);
  for (const one of later) t.is((await one).leftovers.size, 1);
  // Two more lists for both later callers, since each difference is looked at twice.
  t.is(counts.lists, 3);
});

test('a pool that does not answer is an error, and the next look is a new one', async t => {
  let silent = true;
  const { start } = world([UUID], [], () => {
    if (silent) throw errorOf('POOL_UNAVAILABLE', { detail: 'not mounted' });
  });
  const volumes = start();
  await t.throwsAsync(volumes.look(), { message: /not mounted/ });
  silent = false;
  t.is((await volumes.look()).leftovers.size, 1);
});

test('volumes newer than every disk on record say that the database is an older copy', async t => {
  const young = await world([UUID], [kept(OTHER, 'available', 400)])
    .start()
    .look();
  t.regex(
    ageSentence(young, world([], [kept(OTHER, 'available', 400)]).decided.disks()) ?? '',
    /1 volumes .* older/,
  );
  t.regex(ageSentence(young, []) ?? '', /there is no disk on record/);
  t.is(ageSentence(young, world([], [kept(OTHER, 'available', 600)]).decided.disks()), undefined);
});
