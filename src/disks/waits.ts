import type { Kept } from './records.ts';
import type { Waiting } from './service.ts';

/** Whom a record's chart waits for in this state; undefined: nobody. */
const whom: Partial<Record<Kept['state'], Waiting['for']>> = {
  creating: 'pool',
  growing: 'pool',
  wiping: 'pool',
  deleting: 'pool',
  attaching: 'node',
  detaching: 'guest',
};

/** Since when everybody waits who does; after a restart, since that. */
export function createWaits() {
  // In the order in which they began.
  const since = new Map<string, { readonly state: Kept['state']; readonly time: number }>();

  return {
    /** A record is this from now on; going on in the same state, as wiping does, is the same wait. */
    note(key: string, record: Kept | undefined, time: number): void {
      if (record && since.get(key)?.state === record.state) return;
      since.delete(key);
      if (record && whom[record.state]) since.set(key, { state: record.state, time });
    },
    /** The time when the longest wait for each began. */
    longest(): ReadonlyMap<Waiting['for'], number> {
      const found = new Map<Waiting['for'], number>();
      for (const { state, time } of since.values()) {
        const one = whom[state];
        if (one && !found.has(one)) found.set(one, time);
      }
      return found;
    },
  };
}
