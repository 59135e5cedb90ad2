import { type Party, partyOf } from '../../charts/parties.ts';
import type { StoredRecord } from '../records/records.ts';

/** Remembers since when each actor waits. After a restart, all waits begin at the restart. */
export function createWaits() {
  // In insertion order, so that the first entry for a party is its longest wait.
  const since = new Map<
    string,
    { readonly for: Party; readonly state: StoredRecord['state']; readonly time: number }
  >();

  return {
    /** Notes an actor's new record. To re-enter the same state, as wiping does, continues the same wait. */
    note(key: string, record: StoredRecord | undefined, time: number): void {
      const awaited = record && partyOf(record);
      const known = since.get(key);
      if (known && known.for === awaited && known.state === record?.state) return;
      since.delete(key);
      if (record && awaited) since.set(key, { for: awaited, state: record.state, time });
    },
    /** When the present wait of the actor with this key began, in milliseconds since 1970. */
    of: (key: string): number | undefined => since.get(key)?.time,
    /** When the longest wait for each party began, in milliseconds since 1970. */
    longest(): ReadonlyMap<Party, number> {
      const found = new Map<Party, number>();
      for (const { for: one, time } of since.values()) if (!found.has(one)) found.set(one, time);
      return found;
    },
  };
}
