// Two facts are decided in one synchronous step and written to disk afterwards: whether an account may still
// act, and whether an administrator is left. Code that has waited for scrypt or the disk must check them
// again.
import { nanoid } from 'nanoid';
import type { Quota } from '../../machines/disk-events.ts';
import { errorOf } from '../errors.ts';
import type { Write } from '../store/group-commit.ts';
import type { Account } from './account.ts';
import type { Caller } from './caller.ts';
import { fairQueue } from './fair-queue.ts';
import { createLogins } from './logins.ts';
import { defaultCost, type HashCost, hashPassword, matchesPassword } from './password.ts';
import type { AccountRecord, AccountRole, PasswordHash, TokenRecord } from './record.ts';
import { createTokens, type Tokens } from './tokens.ts';

/**
 * Storage of accounts. Calls must reach the disk in the order in which they were made, each as one batch
 * together with the writes `also`.
 */
export interface AccountStore {
  load(): Promise<{ readonly accounts: readonly AccountRecord[]; readonly tokens: readonly TokenRecord[] }>;
  /**
   * Writes an account and deletes these tokens in one batch. Like all of these methods, it resolves when that
   * is durable.
   */
  put(record: AccountRecord, tokens: readonly string[], also: readonly Write[]): Promise<void>;
  /** Deletes an account and these tokens in one batch. */
  remove(name: string, tokens: readonly string[], also: readonly Write[]): Promise<void>;
  putToken(record: TokenRecord, also: readonly Write[]): Promise<void>;
  removeToken(id: string, also: readonly Write[]): Promise<void>;
}

/** Further writes for the batch of a change; called in the step that decides the change. */
type AlsoWrite<Outcome = void> = (outcome: Outcome) => readonly Write[];

const nothingElse = (): readonly Write[] => [];

/**
 * Hashes and compares passwords one at a time, so that scrypt does not starve other work. Rejects with
 * TOO_MANY_LOGINS.
 */
export interface Passwords {
  hash(account: string, password: string): Promise<PasswordHash>;
  matches(account: string, password: string, kept: PasswordHash): Promise<boolean>;
}

/** The public part of an account. */
interface AccountView {
  readonly name: string;
  readonly role: AccountRole;
}

/** The accounts, their credentials, tokens and quotas. */
export interface Accounts {
  /**
   * Checks a name and a password: at once where they were right before, else by one scrypt. Resolves with
   * undefined where they are wrong. Rejects with TOO_MANY_LOGINS where too many logins wait for scrypt, or
   * after too many wrong ones of this account from this address (4 or 16 bytes in hexadecimal).
   */
  verify(name: string, password: string, address?: string): Caller | undefined | Promise<Caller | undefined>;
  /** The caller with this API token; undefined where the token is not valid. */
  verifyToken(secret: string): Caller | undefined;
  readonly tokens: Tokens;
  readonly passwords: Passwords;
  /** Whether a caller's account is unchanged since its credentials were verified. */
  isCurrent(caller: Caller): boolean;
  /**
   * All accounts, sorted by name. Throws FORBIDDEN, and UNAUTHENTICATED where the caller's own account has
   * changed.
   */
  list(caller: Caller): readonly AccountView[];
  /**
   * Creates or replaces an account and ends its tokens; `created` tells whether it is new. Rejects with
   * FORBIDDEN (also for callers with a token), UNAUTHENTICATED (the caller's own account has changed
   * meanwhile), LAST_ADMINISTRATOR, TOO_MANY_LOGINS, STORE_FAILED.
   */
  put(
    caller: Caller,
    name: string,
    account: { readonly password: string; readonly role: AccountRole },
    also?: AlsoWrite<{ readonly created: boolean }>,
  ): Promise<{ readonly created: boolean }>;
  /**
   * Changes the caller's own password and ends the account's tokens. Rejects with FORBIDDEN for callers with
   * a token, UNAUTHENTICATED, TOO_MANY_LOGINS, STORE_FAILED.
   */
  setPassword(caller: Caller, password: string, also?: AlsoWrite): Promise<void>;
  /**
   * Deletes an account and its tokens. `ownsDisks` is called in the step that makes the account unusable, so
   * it must know every disk that was accepted before. Rejects with FORBIDDEN, UNAUTHENTICATED,
   * ACCOUNT_UNKNOWN, ACCOUNT_OWNS_DISKS, LAST_ADMINISTRATOR, STORE_FAILED.
   */
  remove(caller: Caller, name: string, ownsDisks: (name: string) => boolean, also?: AlsoWrite): Promise<void>;
  /** The quota that an administrator has set for an account; undefined where there is none. */
  quotaOf(name: string): Quota | undefined;
  /**
   * Sets the quota of an account; undefined: the quota of the configuration applies. Rejects with FORBIDDEN,
   * UNAUTHENTICATED, ACCOUNT_UNKNOWN, STORE_FAILED.
   */
  setQuota(caller: Caller, name: string, quota: Quota | undefined, also?: AlsoWrite): Promise<void>;
  /** The account that has this name now; undefined where there is none. */
  named(name: string): Pick<AccountRecord, 'name' | 'id'> | undefined;
  isEmpty(): boolean;
  /**
   * Creates the first account, an administrator; throws where there are accounts already. With a hash instead
   * of a password, the account can be used as soon as this has been called.
   */
  createFirst(name: string, password: string | PasswordHash): Promise<void>;
}

interface Options {
  readonly cost?: HashCost;
  /** How many logins may wait for scrypt: in total, and for one account from one address. */
  readonly waiting?: { readonly total: number; readonly ofKind: number };
  /** How many verified credentials are cached. */
  readonly remembered?: number;
  readonly now?: () => number;
  /** Makes unique ids. */
  readonly newId?: () => string;
}

/** Loads the accounts from the store. Rejects where a record cannot be read. */
export async function createAccounts(store: AccountStore, options: Options = {}): Promise<Accounts> {
  const {
    cost = defaultCost,
    waiting = { total: 64, ofKind: 4 },
    remembered = 1024,
    now = Date.now,
    newId = nanoid,
  } = options;
  const accounts = new Map<string, Account>();
  const hashing = fairQueue(waiting);
  const find = (name: string): Account | undefined => accounts.get(name);
  const logins = createLogins({ find, hashing, cost, remembered, now });

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
    const { name, id, role } = record;
    const caller = Object.freeze({ account: name, id, role });
    const account = { record, caller, written: durable(written) };
    accounts.set(record.name, account);
    return account.written;
  }

  const loaded = await store.load();
  for (const record of loaded.accounts) void keep(record, Promise.resolve());
  const tokens = createTokens({
    records: loaded.tokens,
    callerOf: name => find(name)?.caller,
    put: (record, also) => durable(store.putToken(record, also)),
    erase: (id, also) => durable(store.removeToken(id, also)),
    now,
  });

  const isCurrent = (caller: Caller): boolean =>
    find(caller.account)?.caller === caller || tokens.isCurrent(caller);
  /** A source of their own in the queue: callers who are logged in wait only behind each other. */
  const passwords: Passwords = {
    hash: (account, password) => hashing('accounts', account, () => hashPassword(password, cost)),
    matches: (account, password, kept) => hashing('accounts', account, () => matchesPassword(password, kept)),
  };

  function demandAdministrator(caller: Caller): void {
    if (!isCurrent(caller)) throw errorOf('UNAUTHENTICATED');
    if (caller.role !== 'admin') throw errorOf('FORBIDDEN', { detail: 'accounts are for administrators' });
  }

  /** A stolen token must not be turned into credentials that outlive it. */
  function demandPassword(caller: Caller, detail: string): void {
    if (tokens.isHolder(caller)) throw errorOf('FORBIDDEN', { detail });
  }

  function demandAnotherAdministrator(name: string): void {
    for (const { record } of accounts.values()) {
      if (record.role === 'admin' && record.name !== name) return;
    }
    throw errorOf('LAST_ADMINISTRATOR');
  }

  async function put(
    caller: Caller,
    name: string,
    { password, role }: { password: string; role: AccountRole },
    also: AlsoWrite<{ readonly created: boolean }> = nothingElse,
  ) {
    demandAdministrator(caller);
    demandPassword(caller, 'a token makes no accounts and sets no passwords');
    // Setting the password and role that are set already must not end tokens and credentials in use.
    if (find(name)?.record.role === role && logins.isKnown(name, password)) return { created: false };
    const hash = await passwords.hash(caller.account, password);
    demandAdministrator(caller);
    if (accounts.get(name)?.record.role === 'admin' && role !== 'admin') demandAnotherAdministrator(name);
    const before = accounts.get(name)?.record;
    const created = before === undefined;
    const record: AccountRecord = { ...(before ?? { v: 1, name, id: newId() }), role, password: hash };
    await keep(record, store.put(record, tokens.dropOf(name), also({ created })));
    return { created };
  }

  async function remove(
    caller: Caller,
    name: string,
    ownsDisks: (name: string) => boolean,
    also: AlsoWrite = nothingElse,
  ): Promise<void> {
    demandAdministrator(caller);
    const account = accounts.get(name);
    if (!account) throw errorOf('ACCOUNT_UNKNOWN', { detail: name });
    if (account.record.role === 'admin') demandAnotherAdministrator(name);
    if (ownsDisks(name)) throw errorOf('ACCOUNT_OWNS_DISKS', { detail: name });
    accounts.delete(name);
    await durable(store.remove(name, tokens.dropOf(name), also()));
  }

  async function setPassword(caller: Caller, password: string, also: AlsoWrite = nothingElse): Promise<void> {
    demandPassword(caller, 'a token sets no password');
    const hash = await passwords.hash(caller.account, password);
    const account = find(caller.account);
    if (!account || !isCurrent(caller)) throw errorOf('UNAUTHENTICATED');
    const record = { ...account.record, password: hash };
    await keep(record, store.put(record, tokens.dropOf(record.name), also()));
  }

  async function setQuota(
    caller: Caller,
    name: string,
    quota: Quota | undefined,
    also: AlsoWrite = nothingElse,
  ): Promise<void> {
    demandAdministrator(caller);
    const account = accounts.get(name);
    if (!account) throw errorOf('ACCOUNT_UNKNOWN', { detail: name });
    const { quota: _, ...rest } = account.record;
    account.record = quota ? { ...rest, quota } : rest;
    account.written = durable(store.put(account.record, [], also()));
    await account.written;
  }

  return {
    verify: logins.verify,
    verifyToken: tokens.verify,
    tokens,
    passwords,
    setPassword,
    isCurrent,
    list(caller) {
      demandAdministrator(caller);
      const views = [...accounts.values()].map(({ record: { name, role } }) => ({ name, role }));
      return views.sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    put,
    remove,
    named: name => accounts.get(name)?.record,
    quotaOf: name => accounts.get(name)?.record.quota,
    setQuota,
    isEmpty: () => accounts.size === 0,
    async createFirst(name, password) {
      const record: AccountRecord = {
        v: 1,
        name,
        id: newId(),
        role: 'admin',
        password: typeof password === 'string' ? await hashPassword(password, cost) : password,
      };
      if (accounts.size > 0) throw new Error('there are accounts already');
      await keep(record, store.put(record, [], []));
    },
  };
}
