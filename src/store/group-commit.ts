/** One entry of a batch: a key to write, or to delete where the value is undefined. */
export interface Write {
  readonly key: string;
  readonly value: unknown;
}

/** Writes a batch atomically and durably. */
export type WriteBatch = (writes: readonly Write[]) => Promise<void>;

/** Groups changes into batches. See `createGroupCommit`. */
export interface GroupCommit {
  /**
   * Queues a change and resolves when it is on disk. Changes reach the disk in the order of the calls. Once a
   * batch has failed, this and every later call rejects: memory is ahead of the disk, and only a restart
   * mends that.
   */
  commit(writes: readonly Write[]): Promise<void>;
  /** Resolves when every change that was queued before is on disk. */
  flushed(): Promise<void>;
}

interface Pending {
  readonly writes: Write[];
  readonly written: Promise<void>;
  settle(error?: Error): void;
}

function newPending(): Pending {
  let settle: Pending['settle'] = () => {};
  const written = new Promise<void>((resolve, reject) => {
    settle = error => (error ? reject(error) : resolve());
  });
  written.catch(() => {});
  return { writes: [], written, settle };
}

/**
 * Group commit: changes that arrive while a batch is being written go into the next batch, so that under load
 * hundreds of changes share one fsync. `onFailure` is called once, for the first batch that fails.
 */
export function createGroupCommit(write: WriteBatch, onFailure: (error: Error) => void): GroupCommit {
  let next: Pending | undefined;
  let current: Pending | undefined;
  let failure: Error | undefined;

  async function drain(): Promise<void> {
    while (next) {
      const batch = next;
      current = batch;
      next = undefined;
      try {
        if (failure) throw failure;
        await write(batch.writes);
        batch.settle();
      } catch (error) {
        const first = failure === undefined;
        failure ??= error instanceof Error ? error : new Error(String(error));
        batch.settle(failure);
        if (first) onFailure(failure);
      }
    }
    current = undefined;
  }

  function commit(writes: readonly Write[]): Promise<void> {
    if (failure) return Promise.reject(failure);
    const idle = current === undefined && next === undefined;
    next ??= newPending();
    next.writes.push(...writes);
    const { written } = next;
    if (idle) void drain();
    return written;
  }

  const flushed = (): Promise<void> =>
    failure ? Promise.reject(failure) : (next?.written ?? current?.written ?? Promise.resolve());

  return { commit, flushed };
}
