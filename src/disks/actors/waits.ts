import type { StoredRecord } from '../records/records.ts';
import type { Waiting } from '../service.ts';

/** Whom a chart waits for in this state; undefined: nobody. */
const whom: Partial<Record<StoredRecord['state'], Waiting['for']>> = {
  creating: 'pool',
  growing: 'pool',
  wiping: 'pool',
  deleting: 'pool',
  attaching: 'node',
  detaching: 'guest',
};

/** Whom a record waits for; a person has to say what became of a machine that is not found. */
function waitedFor({ state, context }: StoredRecord): Waiting['for'] | undefined {
  return whom[state] ?? ('doubt' in context && context.doubt ? 'person' : undefined);
}

/** Since when everybody waits who does; after a restart, since that. */
export function createWaits() {
  // In the order in which they began.
  const since = new Map<
    string,
    { readonly for: Waiting['for']; readonly state: StoredRecord['state']; readonly time: number }
  >();

  return {
    /** A record is this from now on; going on in the same state, as wiping does, is the same wait. */
    note(key: string, record: StoredRecord | undefined, time: number): void {
      const awaited = record && waitedFor(record);
      const known = since.get(key);
      if (known && known.for === awaited && known.state === record?.state) return;
      since.delete(key);
      if (record && awaited) since.set(key, { for: awaited, state: record.state, time });
    },
    /** The time when the longest wait for each began. */
    longest(): ReadonlyMap<Waiting['for'], number> {
      const found = new Map<Waiting['for'], number>();
      for (const { for: one, time } of since.values()) if (!found.has(one)) found.set(one, time);
      return found;
    },
  };
}
