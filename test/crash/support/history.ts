// What the database of a site tells that was cleared and stopped: nothing but the events is left.
import { join } from 'node:path';
import { recordKinds } from '../../../src/record-kinds.ts';
import { type EventRecord, kinds } from '../../../src/store/records.ts';
import { openStore } from '../../../src/store/store.ts';
import type { Site } from './site.ts';

const BEGINNINGS: ReadonlySet<EventRecord['type']> = new Set(['disk.created', 'disk.adopted']);

/** Stops the service; resolves with what is wrong in its database, a sentence each. */
export async function historyOf(site: Site): Promise<string[]> {
  const wrong: string[] = [];
  await site.running.end('SIGTERM');
  const store = await openStore({
    directory: join(site.folder, 'data'),
    kinds: recordKinds,
    onFailure: error => wrong.push(error.message),
  });
  try {
    const disks = await store.load(kinds.disk);
    for (const { context } of disks) wrong.push(`the database still has disk ${context.uuid}`);
    for (const { state, context } of await store.load(kinds.attachment))
      if (state !== 'unclaimed') wrong.push(`the database still has attachment ${context.id}, ${state}`);
    for (const { uuid } of await store.load(kinds.leftover))
      wrong.push(`the database still has leftover ${uuid}`);
    const { oldest, newest } = await store.eventRange();
    const events = newest < oldest ? [] : await store.events(oldest - 1, newest, newest - oldest + 1);
    events.forEach(({ sequence }, index) => {
      if (sequence !== oldest + index) wrong.push(`event ${oldest + index} is missing`);
    });
    const alive = new Set<string>();
    for (const { type, subject } of events) {
      if (BEGINNINGS.has(type)) {
        if (alive.has(subject)) wrong.push(`disk ${subject} begins twice`);
        alive.add(subject);
      } else if (type === 'disk.deleted' && !alive.delete(subject))
        wrong.push(`disk ${subject} was deleted without having begun, or twice`);
    }
    for (const uuid of alive) wrong.push(`the events do not tell that disk ${uuid} was deleted`);
  } finally {
    await store.close();
  }
  return wrong;
}
