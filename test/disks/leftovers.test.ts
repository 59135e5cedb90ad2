import test from 'ava';
import { pino } from 'pino';
import { unborn } from '../../machines/disk-parts.ts';
import { diskKey } from '../../machines/notes.ts';
import { createLeftovers } from '../../src/disks/leftovers.ts';
import type { Kept } from '../../src/disks/records.ts';
import { createShelf } from '../../src/disks/shelf.ts';
import type { Pool } from '../../src/storage/pool.ts';
import type { LeftoverRecord } from '../../src/store/records.ts';

const UUID = 'eb198dec-3560-4a9a-b3b4-5f043410a3dd';
const BUSY = '0f2c7a8e-7d0b-4f7e-9c53-6c5b1c8d9e10';
const GRACE_MS = 1000;

const kept = (uuid: string): Kept => ({ v: 1, state: 'available', context: { ...unborn, uuid, sizeGiB: 1 } });

/** A pool in which volumes are names; what is done to them is written down. */
function world(volumes: string[], disks: string[] = [], busy: string[] = []) {
  const decided = createShelf();
  for (const uuid of disks) decided.put(diskKey(uuid), kept(uuid));
  const written = new Map<string, unknown>();
  const done: string[] = [];
  const lines: string[] = [];
  const clock = { now: 0 };
  const pool = {
    wipes: true,
    list: async () => volumes.map(uuid => ({ uuid, bytes: 2 ** 30, createdMs: undefined })),
    async wipe(uuid: string, from: number) {
      if (busy.includes(uuid)) throw new Error(`${uuid} is open in another program`);
      done.push(`wipe ${uuid} from ${from}`);
      return { bytes: from + 1, of: 2 };
    },
    async remove(uuid: string) {
      done.push(`remove ${uuid}`);
      volumes.splice(volumes.indexOf(uuid), 1);
    },
  } as Partial<Pool> as Pool;
  const journal = {
    async commit(writes: readonly { key: string; value: unknown }[]) {
      for (const { key, value } of writes)
        value === undefined ? written.delete(key) : written.set(key, value);
    },
    flushed: async () => {},
  };
  const start = () =>
    createLeftovers({
      pool,
      journal,
      decided,
      known: [...written.values()] as LeftoverRecord[],
      graceMs: GRACE_MS,
      now: () => clock.now,
      log: pino({ level: 'warn' }, { write: line => lines.push(JSON.parse(line).msg) }),
    });
  return { decided, written, done, lines, clock, volumes, start };
}

test('a volume without a disk is reported once and removed only after the grace time, wiped first', async t => {
  const { done, lines, clock, written, start } = world([UUID]);
  await start().pass();
  // As after a restart.
  const leftovers = start();
  clock.now = GRACE_MS - 1;
  await leftovers.pass();
  t.deepEqual(done, []);
  t.is(lines.length, 1);
  t.regex(
    lines[0] ?? '',
    /volume belongs to no disk; it is left alone, and removed after 1970-01-01T00:00:01.000Z/,
  );
  clock.now = GRACE_MS;
  await leftovers.pass();
  t.deepEqual(done, [`wipe ${UUID} from 0`, `wipe ${UUID} from 1`, `remove ${UUID}`]);
  t.is(written.size, 0);
  await leftovers.pass();
  t.is(done.length, 3);
});

test('a start only reports leftovers: it waits for no wiping', async t => {
  const { done, clock, start } = world([UUID]);
  const leftovers = start();
  await leftovers.report();
  clock.now = GRACE_MS;
  await leftovers.report();
  t.deepEqual(done, []);
  await leftovers.pass();
  t.is(done.at(-1), `remove ${UUID}`);
});

test('a leftover that somebody has open keeps no other from being removed', async t => {
  const { done, lines, clock, start } = world([BUSY, UUID], [], [BUSY]);
  const leftovers = start();
  await leftovers.report();
  clock.now = GRACE_MS;
  await leftovers.pass();
  t.deepEqual(done, [`wipe ${UUID} from 0`, `wipe ${UUID} from 1`, `remove ${UUID}`]);
  t.true(lines.includes('leftover not removed'));
});

test('a volume that a disk claims again is forgotten as a leftover', async t => {
  const { done, clock, written, decided, start } = world([UUID]);
  const leftovers = start();
  await leftovers.pass();
  t.is(written.size, 1);
  decided.put(diskKey(UUID), kept(UUID));
  clock.now = 2 * GRACE_MS;
  await leftovers.pass();
  t.deepEqual(done, []);
  t.is(written.size, 0);
});

test('a disk without a volume is reported once, and nothing is done about it', async t => {
  const { done, lines, start } = world([], [UUID]);
  const leftovers = start();
  await leftovers.pass();
  await leftovers.pass();
  t.deepEqual(lines, ['disk has no volume in the pool']);
  t.deepEqual(done, []);
});
