import { type AuditLog, openAuditLog } from '../../../src/audit/audit-log.ts';
import { createGroupCommit, type Write } from '../../../src/store/group-commit.ts';
import { logKey, prefixes, sequenceOf } from '../../../src/store/keys.ts';
import type { AuditRecord } from '../../../src/store/records.ts';

/** A store of the audit in memory. `isShort` can be set; `write` is called with every batch. */
export function auditStore(write: (writes: readonly Write[]) => Promise<void> = async () => {}) {
  const kept = new Map<string, AuditRecord>();
  const groupCommit = createGroupCommit(
    async writes => {
      await write(writes);
      for (const { key, value } of writes) {
        if (value === undefined) kept.delete(key);
        else if (key.startsWith(prefixes.audit)) kept.set(key, value as AuditRecord);
      }
    },
    () => {},
  );
  const sequences = () => [...kept.keys()].map(sequenceOf).sort((a, b) => a - b);
  const store = {
    kept,
    short: false,
    isShort: () => store.short,
    commit: groupCommit.commit,
    audit: {
      range: async () => ({ oldest: sequences()[0] ?? 1, newest: sequences().at(-1) ?? 0 }),
      between: async (after: number, upTo: number, limit: number) =>
        sequences()
          .filter(sequence => sequence > after && sequence <= upTo)
          .slice(0, limit)
          .flatMap(sequence => kept.get(logKey(prefixes.audit, sequence)) ?? []),
      forget: (first: number, last: number) =>
        groupCommit.commit(
          Array.from({ length: last - first + 1 }, (_, index) => ({
            key: logKey(prefixes.audit, first + index),
            value: undefined,
          })),
        ),
    },
  };
  return store;
}

/** An audit in memory. */
export const auditInMemory = (): Promise<AuditLog> => openAuditLog({ store: auditStore(), now: () => 0 });
