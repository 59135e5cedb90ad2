// The store of the simulation: the disk keeps what has arrived, and nothing else survives a crash. Records
// are kept as JSON, so that a record that is changed after it was written is noticed.
import type { z } from 'zod';
import { createGroupCommit, type Write } from '../../src/store/group-commit.ts';
import { eventKey, prefixes, sequenceOf } from '../../src/store/keys.ts';
import { type RecordKind, readRecord } from '../../src/store/record-kind.ts';
import type { EventRecord } from '../../src/store/records.ts';
import type { Store } from '../../src/store/store.ts';
import type { Chance } from './chance.ts';

/** What is on disk. It outlives the process of the service. */
export interface DurableDisk {
  /** By key, without events: the value as it was read back from its JSON. */
  readonly records: ReadonlyMap<string, unknown>;
  readonly newestEvent: number;
  event(sequence: number): EventRecord | undefined;
  put(writes: readonly Write[]): void;
  /** Every batch fails from now on, as on a broken device; until it is set back. */
  broken: boolean;
}

function put<Key, Value>(map: Map<Key, Value>, key: Key, value: Value | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

/**
 * An empty disk. `onChange` is called with every batch that has arrived, `onWrite` after each of its writes:
 * what one step has decided and the next one has revoked may arrive in one batch.
 */
export function createDurableDisk(
  onWrite: () => void,
  onChange: (writes: readonly Write[]) => void,
): DurableDisk {
  const records = new Map<string, unknown>();
  const events = new Map<number, EventRecord>();
  let newest = 0;
  return {
    records,
    broken: false,
    get newestEvent() {
      return newest;
    },
    event: sequence => events.get(sequence),
    put(writes) {
      const kept = writes.map(({ key, value }) => ({
        key,
        value: value === undefined ? undefined : JSON.parse(JSON.stringify(value)),
      }));
      for (const { key, value } of kept) {
        if (key.startsWith(prefixes.event)) {
          newest = Math.max(newest, sequenceOf(key));
          put(events, sequenceOf(key), value as EventRecord | undefined);
          continue;
        }
        put(records, key, value);
        onWrite();
      }
      onChange(kept);
    },
  };
}

/** The store of one process. `isDead`: the process has crashed, and nothing of it reaches the disk. */
export function openSimulatedStore(
  disk: DurableDisk,
  chance: Chance,
  { isDead, onFailure }: { isDead: () => boolean; onFailure: (error: Error) => void },
): { readonly store: Store; crash(): void } {
  let inFlight: readonly Write[] | undefined;
  const groupCommit = createGroupCommit(writes => {
    inFlight = writes;
    return new Promise((resolve, reject) => {
      setTimeout(() => {
        if (isDead()) return;
        inFlight = undefined;
        if (disk.broken) return reject(new Error('Input/output error'));
        disk.put(writes);
        resolve();
      }, chance.delayMs());
    });
  }, onFailure);

  const store: Store = {
    ...groupCommit,
    async load<Schema extends z.ZodType>(kind: RecordKind<Schema>): Promise<z.infer<Schema>[]> {
      const keys = [...disk.records.keys()].filter(key => key.startsWith(kind.prefix)).sort();
      return keys.map(key => readRecord(kind, key, structuredClone(disk.records.get(key)), 'memory'));
    },
    eventRange: async () => ({ oldest: 1, newest: disk.newestEvent }),
    async events(after, upTo, limit) {
      const found: EventRecord[] = [];
      for (let sequence = after + 1; sequence <= upTo && found.length < limit; sequence += 1) {
        const event = disk.event(sequence);
        if (event) found.push(event);
      }
      return found;
    },
    forgetEvents: (first, last) =>
      groupCommit.commit(
        Array.from({ length: last - first + 1 }, (_, index) => ({
          key: eventKey(first + index),
          value: undefined,
        })),
      ),
    audit: {
      range: async () => ({ oldest: 1, newest: 0 }),
      between: async () => [],
      forget: async () => {},
    },
    async *backup() {},
    isShort: () => false,
    close: () => groupCommit.flushed().catch(() => {}),
  };
  return {
    store,
    /** The batch in flight has arrived, and the process did not learn it; or it is lost. */
    crash() {
      if (inFlight && chance.random.chance(0.5)) disk.put(inFlight);
    },
  };
}
