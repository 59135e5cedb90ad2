import type { AccountStore } from '../../../src/accounts/accounts.ts';
import type { AccountRecord } from '../../../src/accounts/record.ts';

/** Accounts in memory; `held` writes wait until they are let go. */
export interface MemoryStore extends AccountStore {
  readonly records: Map<string, AccountRecord>;
  /** From now on writes wait. */
  hold(): void;
  letGo(): void;
}

export function memoryStore(records: Iterable<AccountRecord> = []): MemoryStore {
  const kept = new Map([...records].map(record => [record.name, record]));
  let gate: Promise<void> = Promise.resolve();
  let open = (): void => {};
  return {
    records: kept,
    hold() {
      gate = new Promise(resolve => {
        open = resolve;
      });
    },
    letGo: () => open(),
    load: async () => [...kept.values()],
    async put(record) {
      await gate;
      kept.set(record.name, record);
    },
    async remove(name) {
      await gate;
      kept.delete(name);
    },
  };
}

/** As cheap as scrypt can be. */
export const cheap = { cost: 2, blockSize: 1, parallelization: 1 };
