import type { AccountStore } from '../../../src/accounts/accounts.ts';
import type { AccountRecord, TokenRecord } from '../../../src/accounts/record.ts';

/** Accounts in memory; writes that are `held` wait until they are released. */
export interface MemoryStore extends AccountStore {
  readonly records: Map<string, AccountRecord>;
  readonly tokens: Map<string, TokenRecord>;
  /** From now on writes wait. */
  hold(): void;
  letGo(): void;
}

export function memoryStore(records: Iterable<AccountRecord> = []): MemoryStore {
  const kept = new Map([...records].map(record => [record.name, record]));
  const tokens = new Map<string, TokenRecord>();
  let gate: Promise<void> = Promise.resolve();
  let open = (): void => {};
  return {
    records: kept,
    tokens,
    hold() {
      gate = new Promise(resolve => {
        open = resolve;
      });
    },
    letGo: () => open(),
    load: async () => ({ accounts: [...kept.values()], tokens: [...tokens.values()] }),
    async put(record, ended) {
      await gate;
      kept.set(record.name, record);
      for (const id of ended) tokens.delete(id);
    },
    async remove(name, ids) {
      await gate;
      kept.delete(name);
      for (const id of ids) tokens.delete(id);
    },
    async putToken(record) {
      await gate;
      tokens.set(record.id, record);
    },
    async removeToken(id) {
      await gate;
      tokens.delete(id);
    },
  };
}

/** The cheapest parameters that scrypt allows. */
export const cheap = { cost: 2, blockSize: 1, parallelization: 1 };
