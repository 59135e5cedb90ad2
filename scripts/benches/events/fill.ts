// Writes a log of events as attaching a disk leaves them. A process of its own, so that the measured one
// starts with empty memory.

import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { nanoid } from 'nanoid';
import { recordKinds } from '../../../src/record-kinds.ts';
import { eventKey } from '../../../src/store/keys.ts';
import type { EventRecord } from '../../../src/store/records.ts';
import { openStore } from '../../../src/store/store.ts';

const BATCH = 2000;
const [directory = '', events = '0'] = process.argv.slice(2);

await mkdir(directory, { recursive: true });
const store = await openStore({
  kinds: recordKinds,
  directory: join(directory, 'db'),
  onFailure(error) {
    throw error;
  },
});
const uuid = randomUUID();

const sample = (sequence: number): EventRecord => ({
  v: 1,
  sequence,
  time: Date.now(),
  type: 'disk.attached',
  subject: uuid,
  disk: {
    uuid,
    owner: 'bench',
    tag: 'a disk',
    visibility: 'private',
    sizeGiB: 1,
    created: 0,
    users: 1,
    limit: 1,
  },
  attachment: { id: nanoid(), node: 'onehost-1', vmId: '7', target: null, mode: 'cold', by: 'bench' },
  from: null,
  to: 'attached',
  deadline: null,
  progress: null,
  cause: { kind: 'request', request: nanoid(), account: 'bench' },
});

for (let first = 1; first <= Number(events); first += BATCH) {
  const sequences = Array.from(
    { length: Math.min(BATCH, Number(events) - first + 1) },
    (_, index) => first + index,
  );
  await store.commit(sequences.map(sequence => ({ key: eventKey(sequence), value: sample(sequence) })));
}
await store.close();
process.disconnect?.();
