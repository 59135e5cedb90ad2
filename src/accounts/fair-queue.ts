// scrypt, LevelDB and the file system share libuv's threads: 32 hashes at once make a synced write take a
// second instead of 0.25 ms. So one hash runs at a time; and because anybody may ask for one, no
// client may fill the whole queue.
import { setImmediate } from 'node:timers/promises';
import { errorOf } from '../errors.ts';

interface Waiting {
  readonly kind: string;
  begin(): void;
  reject(): void;
}

interface Limits {
  /** How many jobs may wait in total. */
  readonly total: number;
  /** How many jobs of one kind and one source may wait. */
  readonly ofKind: number;
}

/**
 * Runs jobs one at a time, round-robin over their `source`s. `kind` distinguishes jobs of one source. When
 * the queue is full, the newest job of the source with the most jobs is rejected. Rejects with
 * TOO_MANY_LOGINS.
 */
export function fairQueue({ total, ofKind }: Limits) {
  /** In round-robin order: a Map iterates in the order of insertion. */
  const sources = new Map<string, Waiting[]>();
  let waiting = 0;
  let busy = false;

  function longest(): Waiting[] {
    let found: Waiting[] = [];
    for (const queue of sources.values()) if (queue.length > found.length) found = queue;
    return found;
  }

  function enter(source: string, job: Waiting): void {
    const queue = sources.get(source) ?? [];
    if (queue.filter(({ kind }) => kind === job.kind).length >= ofKind) throw errorOf('TOO_MANY_LOGINS');
    if (waiting >= total) {
      const most = longest();
      if (most.length <= queue.length + 1) throw errorOf('TOO_MANY_LOGINS');
      most.pop()?.reject();
      waiting -= 1;
    }
    sources.set(source, queue);
    queue.push(job);
    waiting += 1;
  }

  function next(): void {
    for (const [source, queue] of sources) {
      sources.delete(source);
      const job = queue.shift();
      if (queue.length > 0) sources.set(source, queue);
      if (!job) continue;
      waiting -= 1;
      job.begin();
      return;
    }
    busy = false;
  }

  function turn(source: string, kind: string): Promise<void> {
    return new Promise((resolve, reject) => {
      enter(source, { kind, begin: resolve, reject: () => reject(errorOf('TOO_MANY_LOGINS')) });
    });
  }

  return async <T>(source: string, kind: string, job: () => Promise<T>): Promise<T> => {
    if (busy) await turn(source, kind);
    busy = true;
    try {
      return await job();
    } finally {
      // The event loop handles its pending events first.
      if (waiting > 0) void setImmediate().then(next);
      else busy = false;
    }
  };
}

export type FairQueue = ReturnType<typeof fairQueue>;
