// Two things here are decided in one synchronous step and written after it: whether an account may still act, and whether an
// administrator is left. Whoever has the decision behind it sees the new truth, whoever waits for scrypt or the disk looks again.
import type { Quota } from '../../machines/disk-events.ts';
import type { Caller } from '../disks/service.ts';
import { errorOf } from '../errors.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { defaultCost, type HashCost, hashPassword, impossibleHash, matchesPassword } from './password.ts';
import { type AccountRecord, type AccountRole, accountName } from './record.ts';
import { createVerified } from './verified.ts';

/** Where accounts are kept. Calls must reach the disk in the order in which they were made. */
export interface AccountStore {
  load(): Promise<AccountRecord[]>;
  /** Durable when it resolves. */
  put(record: AccountRecord): Promise<void>;
  /** Durable when it resolves. */
  remove(name: string): Promise<void>;
}

/** What may be told about an account. */
interface AccountView {
  readonly name: string;
  readonly role: AccountRole;
}

export interface Accounts {
  /**
   * Who has these credentials: at once where they were right before, else after one scrypt. Undefined for nobody. Rejects with
   * TOO_MANY_LOGINS where too many wait for theirs.
   */
  verify(name: string, password: string): Caller | undefined | Promise<Caller | undefined>;
  /** Whether a caller's account stands as it did when its credentials were verified. */
  isCurrent(caller: Caller): boolean;
  /** All accounts by name. Throws FORBIDDEN. */
  list(caller: Caller): readonly AccountView[];
  /**
   * Creates or replaces an account; `created` tells which. Rejects with FORBIDDEN, UNAUTHENTICATED (the caller's own account
   * changed meanwhile), LAST_ADMINISTRATOR, TOO_MANY_LOGINS, STORE_FAILED.
   */
  put(
    caller: Caller,
    name: string,
    account: { readonly password: string; readonly role: AccountRole },
  ): Promise<{ readonly created: boolean }>;
  /**
   * Removes an account. `ownsDisks` is asked in the step that makes the account unusable, so it must know every disk that was
   * accepted before. Rejects with FORBIDDEN, ACCOUNT_UNKNOWN, ACCOUNT_OWNS_DISKS, LAST_ADMINISTRATOR, STORE_FAILED.
   */
  remove(caller: Caller, name: string, ownsDisks: (name: string) => boolean): Promise<void>;
  /** What an account may have by a decision of an administrator, undefined where there is none. */
  quotaOf(name: string): Quota | undefined;
  /** Sets what an account may have, or leaves it to the configuration. Rejects with FORBIDDEN, ACCOUNT_UNKNOWN, STORE_FAILED. */
  setQuota(caller: Caller, name: string, quota: Quota | undefined): Promise<void>;
  isEmpty(): boolean;
  /** Makes the very first account, an administrator. Only for a service that has none. */
  createFirst(name: string, password: string): Promise<void>;
}

interface Account {
  record: AccountRecord;
  /** The very object that requests carry: another one, even if equal, is of an account that was changed. */
  readonly caller: Caller;
  written: Promise<void>;
}

interface Options {
  readonly cost?: HashCost;
  /** How many may wait for their scrypt. */
  readonly waiting?: number;
  /** How many verified credentials are remembered. */
  readonly remembered?: number;
}

export async function createAccounts(store: AccountStore, options: Options = {}): Promise<Accounts> {
  const { cost = defaultCost, waiting = 16, remembered = 1024 } = options;
  const accounts = new Map<string, Account>();
  const verified = createVerified<Account>(remembered);
  const checks = new Map<string, { account: Account | undefined; result: Promise<Caller | undefined> }>();
  const hashing = oneAtATime(waiting);
  const noOnes = impossibleHash(cost);

  const durable = (written: Promise<void>): Promise<void> => {
    const outcome = written.catch((cause: unknown) => {
      const error = errorOf('STORE_FAILED');
      error.cause = cause;
      throw error;
    });
    outcome.catch(() => {});
    return outcome;
  };

  function keep(record: AccountRecord, written: Promise<void>): Promise<void> {
    const caller = Object.freeze({ account: record.name, role: record.role });
    const account = { record, caller, written: durable(written) };
    accounts.set(record.name, account);
    return account.written;
  }

  for (const record of await store.load()) void keep(record, Promise.resolve());

  const isCurrent = (caller: Caller): boolean => accounts.get(caller.account)?.caller === caller;

  function demandAdministrator(caller: Caller): void {
    if (!isCurrent(caller)) throw errorOf('UNAUTHENTICATED');
    if (caller.role !== 'admin') throw errorOf('FORBIDDEN', { detail: 'accounts are for administrators' });
  }

  function demandAnotherAdministrator(name: string): void {
    for (const { record } of accounts.values()) {
      if (record.role === 'admin' && record.name !== name) return;
    }
    throw errorOf('LAST_ADMINISTRATOR');
  }

  async function check(name: string, password: string, account: Account | undefined, key: string) {
    const matches = await hashing(() => matchesPassword(password, account?.record.password ?? noOnes));
    if (!matches || !account) return undefined;
    await account.written;
    if (accounts.get(name) !== account) return undefined;
    verified.set(key, account);
    return account.caller;
  }

  function verify(name: string, password: string): Caller | undefined | Promise<Caller | undefined> {
    // A name that no account can have gives nothing away by a quick answer.
    if (!accountName.safeParse(name).success) return undefined;
    const account = accounts.get(name);
    const key = verified.keyOf(name, password);
    const before = verified.get(key);
    if (before) {
      if (before === account) return account.caller;
      verified.delete(key);
    }
    // A frontend comes back with dozens of connections at once: the same credentials are checked once for all of them.
    const running = checks.get(key);
    if (running && running.account === account) return running.result;
    const result = check(name, password, account, key).finally(() => {
      if (checks.get(key)?.result === result) checks.delete(key);
    });
    checks.set(key, { account, result });
    return result;
  }

  async function put(
    caller: Caller,
    name: string,
    { password, role }: { password: string; role: AccountRole },
  ) {
    demandAdministrator(caller);
    const same = verified.get(verified.keyOf(name, password));
    // Setting what is set must not drop the credentials of whoever is at work with them.
    if (same && same === accounts.get(name) && same.record.role === role) return { created: false };
    const hash = await hashing(() => hashPassword(password, cost));
    demandAdministrator(caller);
    if (accounts.get(name)?.record.role === 'admin' && role !== 'admin') demandAnotherAdministrator(name);
    const created = !accounts.has(name);
    const record: AccountRecord = { ...accounts.get(name)?.record, v: 1, name, role, password: hash };
    await keep(record, store.put(record));
    return { created };
  }

  async function remove(caller: Caller, name: string, ownsDisks: (name: string) => boolean): Promise<void> {
    demandAdministrator(caller);
    const account = accounts.get(name);
    if (!account) throw errorOf('ACCOUNT_UNKNOWN', { detail: name });
    if (account.record.role === 'admin') demandAnotherAdministrator(name);
    if (ownsDisks(name)) throw errorOf('ACCOUNT_OWNS_DISKS', { detail: name });
    accounts.delete(name);
    await durable(store.remove(name));
  }

  async function setQuota(caller: Caller, name: string, quota: Quota | undefined): Promise<void> {
    demandAdministrator(caller);
    const account = accounts.get(name);
    if (!account) throw errorOf('ACCOUNT_UNKNOWN', { detail: name });
    const { quota: _, ...rest } = account.record;
    account.record = quota ? { ...rest, quota } : rest;
    account.written = durable(store.put(account.record));
    await account.written;
  }

  return {
    verify,
    isCurrent,
    list(caller) {
      demandAdministrator(caller);
      const views = [...accounts.values()].map(({ record: { name, role } }) => ({ name, role }));
      return views.sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    put,
    remove,
    quotaOf: name => accounts.get(name)?.record.quota,
    setQuota,
    isEmpty: () => accounts.size === 0,
    async createFirst(name, password) {
      const record: AccountRecord = {
        v: 1,
        name,
        role: 'admin',
        password: await hashing(() => hashPassword(password, cost)),
      };
      if (accounts.size > 0) throw new Error('there are accounts already');
      await keep(record, store.put(record));
    },
  };
}
