import type { Write } from '../store/group-commit.ts';
import { prefixes } from '../store/keys.ts';
import type { Store } from '../store/store.ts';
import type { AccountStore } from './accounts.ts';
import { accountKinds } from './record.ts';

const erased = (id: string): Write => ({ key: prefixes.token + id, value: undefined });

/** Stores accounts and tokens; each change is one batch. */
export const accountStore = ({ load, commit }: Pick<Store, 'load' | 'commit'>): AccountStore => ({
  load: async () => ({
    accounts: await load(accountKinds.account),
    tokens: await load(accountKinds.token),
  }),
  put: (record, tokens, also) =>
    commit([{ key: prefixes.account + record.name, value: record }, ...tokens.map(erased), ...also]),
  remove: (name, tokens, also) =>
    commit([{ key: prefixes.account + name, value: undefined }, ...tokens.map(erased), ...also]),
  putToken: (record, also) => commit([{ key: prefixes.token + record.id, value: record }, ...also]),
  removeToken: (id, also) => commit([{ key: prefixes.token + id, value: undefined }, ...also]),
});
