// The floor under making and removing disks on the file pool: the same system calls and one synced batch for each, without HTTP, without
// actors, and with nothing shared between those in flight. Its argument is a directory.
import { randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import { latencySample } from './figures.ts';
import type { Sample } from './rounds.ts';

export interface Work {
  readonly kind: 'create' | 'delete';
  readonly inFlight: number;
  readonly seconds: number;
}

const GIB = 2 ** 30;
/** About what a disk's record and an event take. */
const ENTRIES = [330, 560, 560].map(bytes => 'x'.repeat(bytes));

const directory = join(process.argv[2] ?? '', 'volumes');
mkdirSync(directory, { recursive: true });
const db = new Level<string, string>(join(process.argv[2] ?? '', 'db'));
await db.open();
let written = 0;

async function syncDirectory(): Promise<void> {
  const handle = await open(directory, 'r');
  await handle.sync();
  await handle.close();
}

async function commit(): Promise<void> {
  const batch = db.batch();
  for (const entry of ENTRIES) {
    written += 1;
    batch.put(String(written).padStart(16, '0'), entry);
  }
  await batch.write({ sync: true });
}

async function create(uuid: string): Promise<void> {
  const file = await open(join(directory, uuid), 'wx', 0o600);
  // As the pool does it: the file and its name reach the disk together.
  await Promise.all([file.truncate(GIB).then(() => file.sync()), syncDirectory()]);
  await file.close();
  await commit();
}

async function remove(uuid: string): Promise<void> {
  await commit();
  await unlink(join(directory, uuid));
  await syncDirectory();
}

/** Files to remove, made before anybody looks at the clock. */
const there: string[] = [];
function provide(count: number): void {
  while (there.length < count) {
    const uuid = randomUUID();
    closeSync(openSync(join(directory, uuid), 'wx'));
    there.push(uuid);
  }
}

async function load({ kind, inFlight, seconds }: Work): Promise<Sample> {
  const latencies: number[] = [];
  const begun = performance.now();
  const end = begun + seconds * 1000;
  const work = async (): Promise<void> => {
    while (performance.now() < end) {
      const asked = performance.now();
      if (kind === 'create') {
        const uuid = randomUUID();
        await create(uuid);
        there.push(uuid);
      } else {
        const uuid = there.pop();
        if (uuid === undefined) throw new Error('no file is left to remove');
        await remove(uuid);
      }
      latencies.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  return { rate: (latencies.length * 1000) / (performance.now() - begun), ...latencySample(latencies) };
}

process.on('message', async (work: Work) => {
  if (work.kind === 'delete') provide(work.inFlight * 500 * work.seconds);
  process.send?.(await load(work));
});
process.send?.('ready');
