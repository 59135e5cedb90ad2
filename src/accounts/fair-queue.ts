// scrypt, LevelDB and the file system share libuv's threads: 32 hashes at once take a synced write from a quarter of a millisecond
// to a second. So one hash at a time; and because anybody may ask for one, nobody's share of the queue may be all of it.
import { setImmediate } from 'node:timers/promises';
import { errorOf } from '../errors.ts';

interface Waiting {
  readonly kind: string;
  begin(): void;
  turnAway(): void;
}

interface Limits {
  /** How many may wait altogether. */
  readonly total: number;
  /** How many of one kind may wait. */
  readonly ofKind: number;
}

/**
 * Runs jobs one after the other, by turns between `source`s. `kind` tells jobs of one source apart. Where the queue is full, whoever
 * has most in it gives way. Rejects with TOO_MANY_LOGINS.
 */
export function fairQueue({ total, ofKind }: Limits) {
  /** In the order of their turns. */
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
      most.pop()?.turnAway();
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
      enter(source, { kind, begin: resolve, turnAway: () => reject(errorOf('TOO_MANY_LOGINS')) });
    });
  }

  return async <T>(source: string, kind: string, job: () => Promise<T>): Promise<T> => {
    if (busy) await turn(source, kind);
    busy = true;
    try {
      return await job();
    } finally {
      // What the event loop has in hand goes first.
      if (waiting > 0) void setImmediate().then(next);
      else busy = false;
    }
  };
}

export type FairQueue = ReturnType<typeof fairQueue>;
