// libvirt makes the changes of one domain one after the other. Whoever waits has named the domain by its UUID only: what he
// asked for is done to the run that is there when his turn comes, were it not the one that he meant.

import { gate } from '../../rig/latch.ts';

export type Jobs = ReturnType<typeof fakeJobs>;

/** Turns at the domains of one host, by UUID. */
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
    /** Whether a change of the domain would have to wait. */
    isBusy: (uuid: string): boolean => last.has(uuid),
    /** How many changes of a domain wait for their turn. */
    waiting: (uuid: string): number => waiting.get(uuid) ?? 0,
    /** A job of somebody else holds the domain until what this returns is called; changes wait meanwhile. */
    hold(uuid: string): () => void {
      const { opened, open } = gate();
      void run(uuid, () => opened);
      return open;
    },
  };
}
