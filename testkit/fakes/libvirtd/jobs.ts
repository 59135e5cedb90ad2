// libvirt serialises the changes of a domain. A waiting change names the domain by its UUID only, so it is
// executed on the run that exists when its turn comes, even if the caller meant an earlier run.

import { gate } from '../../latch.ts';

export type Jobs = ReturnType<typeof fakeJobs>;

/** The jobs of the domains of one host, by UUID: one at a time for each domain. */
export function fakeJobs() {
  const last = new Map<string, Promise<unknown>>();
  const waiting = new Map<string, number>();

  function run<T>(uuid: string, work: () => Promise<T>): Promise<T> {
    const before = last.get(uuid);
    const count = (change: number): unknown => waiting.set(uuid, (waiting.get(uuid) ?? 0) + change);
    if (before) count(1);
    const mine = (before ?? Promise.resolve()).then(() => {
      if (before) count(-1);
      return work();
    });
    const over = mine.then(
      () => undefined,
      () => undefined,
    );
    last.set(uuid, over);
    void over.then(() => {
      if (last.get(uuid) === over) last.delete(uuid);
    });
    return mine;
  }

  return {
    run,
    /** Whether a new change of the domain would have to wait. */
    isBusy: (uuid: string): boolean => last.has(uuid),
    /** How many changes of the domain wait. */
    waiting: (uuid: string): number => waiting.get(uuid) ?? 0,
    /** A foreign job holds the domain until the returned function is called; changes wait meanwhile. */
    hold(uuid: string): () => void {
      const { opened, open } = gate();
      void run(uuid, () => opened);
      return open;
    },
  };
}
