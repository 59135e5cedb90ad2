import type { StoredRecord } from '../records/records.ts';
import type { Waiting } from '../service.ts';

/** The party that a chart waits for, by state; undefined: none. */
const whom: Partial<Record<StoredRecord['state'], Waiting['for']>> = {
  creating: 'pool',
  growing: 'pool',
  wiping: 'pool',
  deleting: 'pool',
  attaching: 'node',
  detaching: 'guest',
};

/** The party that a record waits for. A person, if it is not known whether the VM is gone. */
function waitedFor({ state, context }: StoredRecord): Waiting['for'] | undefined {
  return whom[state] ?? ('doubt' in context && context.doubt ? 'person' : undefined);
}

/** Remembers since when each actor waits. After a restart, all waits begin at the restart. */
export function createWaits() {
  // In insertion order, so that the first entry for a party is its longest wait.
  const since = new Map<
    string,
    { readonly for: Waiting['for']; readonly state: StoredRecord['state']; readonly time: number }
  >();

  return {
    /** Notes an actor's new record. To re-enter the same state, as wiping does, continues the same wait. */
    note(key: string, record: StoredRecord | undefined, time: number): void {
      const awaited = record && waitedFor(record);
      const known = since.get(key);
      if (known && known.for === awaited && known.state === record?.state) return;
      since.delete(key);
      if (record && awaited) since.set(key, { for: awaited, state: record.state, time });
    },
    /** When the longest wait for each party began, in milliseconds since 1970. */
    longest(): ReadonlyMap<Waiting['for'], number> {
      const found = new Map<Waiting['for'], number>();
      for (const { for: one, time } of since.values()) if (!found.has(one)) found.set(one, time);
      return found;
    },
  };
}
