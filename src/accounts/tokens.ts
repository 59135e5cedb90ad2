import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { nanoid } from 'nanoid';
import { errorOf } from '../errors.ts';
import type { Write } from '../store/group-commit.ts';
import type { Caller } from './caller.ts';
import type { TokenRecord } from './record.ts';

/** The public part of a token, without its secret. */
export interface TokenView {
  readonly id: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly expires: number;
}

type NewToken = TokenView & { readonly secret: string };

/** The operations on API tokens. */
export interface Tokens {
  /**
   * Creates a token for the caller's account; only this answer contains its secret. `also` returns further
   * writes for the same batch. Rejects with FORBIDDEN (callers with a token), TOKEN_LIMIT, STORE_FAILED.
   */
  create(
    caller: Caller,
    name: string,
    lifeMs: number,
    also?: (token: NewToken) => readonly Write[],
  ): Promise<NewToken>;
  /** The caller's own tokens in order of creation. */
  list(caller: Caller): readonly TokenView[];
  /**
   * Deletes one of the caller's own tokens; administrators may delete any. Rejects with TOKEN_UNKNOWN,
   * STORE_FAILED.
   */
  remove(caller: Caller, id: string, also?: () => readonly Write[]): Promise<void>;
}

const MAX_TOKENS = 100;

// 256 random bits cannot be guessed, so they need no slow hash.
const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

interface Token {
  readonly record: TokenRecord;
  readonly hash: Buffer;
  /** The caller made for `account`; made anew when the account changes. */
  caller: Caller;
  account: Caller;
}

/** API tokens of the form `ID.SECRET`, looked up by id and compared in constant time. */
export function createTokens(parts: {
  readonly records: readonly TokenRecord[];
  /** The account's present caller object; undefined where the account is gone. */
  readonly callerOf: (account: string) => Caller | undefined;
  /** Resolves when durable; rejects with STORE_FAILED. */
  readonly put: (record: TokenRecord, also: readonly Write[]) => Promise<void>;
  readonly erase: (id: string, also: readonly Write[]) => Promise<void>;
  readonly now: () => number;
}) {
  const { callerOf, now } = parts;
  const tokens = new Map<string, Token>();
  const holders = new WeakMap<Caller, Token>();

  function callerFor(account: Caller, token?: Token): Caller {
    const caller = Object.freeze({ ...account });
    if (token) holders.set(caller, token);
    return caller;
  }

  function keep(record: TokenRecord): void {
    const account = callerOf(record.account);
    if (!account || account.id !== record.accountId) return;
    const hash = Buffer.from(record.hash, 'base64');
    const token: Token = { record, hash, account, caller: callerFor(account) };
    holders.set(token.caller, token);
    tokens.set(record.id, token);
  }
  for (const record of parts.records) keep(record);

  /** The caller of a token; undefined where the token has expired, was deleted, or its account is gone. */
  function holderOf(token: Token): Caller | undefined {
    const account = callerOf(token.record.account);
    if (
      !account ||
      account.id !== token.record.accountId ||
      tokens.get(token.record.id) !== token ||
      token.record.expires <= now()
    )
      return undefined;
    if (token.account !== account) {
      token.account = account;
      token.caller = callerFor(account, token);
    }
    return token.caller;
  }

  const of = (account: string): TokenRecord[] =>
    [...tokens.values()].map(({ record }) => record).filter(record => record.account === account);
  const viewOf = ({ id, name, created, expires }: TokenRecord): TokenView => ({ id, name, created, expires });

  const administration: Tokens = {
    async create(caller, name, lifeMs, also = () => []) {
      if (holders.has(caller))
        throw errorOf('FORBIDDEN', { detail: 'a token makes no tokens; use the password' });
      const gone = of(caller.account).filter(({ expires }) => expires <= now());
      for (const { id } of gone) tokens.delete(id);
      if (of(caller.account).length >= MAX_TOKENS)
        throw errorOf('TOKEN_LIMIT', { detail: `at most ${MAX_TOKENS}` });
      const id = nanoid();
      const secret = `${id}.${randomBytes(32).toString('base64url')}`;
      const hash = hashOf(secret).toString('base64');
      const created = now();
      const record: TokenRecord = {
        v: 1,
        id,
        account: caller.account,
        ...(caller.id === undefined ? {} : { accountId: caller.id }),
        name,
        hash,
        created,
        expires: created + lifeMs,
      };
      keep(record);
      const token = { ...viewOf(record), secret };
      await Promise.all([...gone.map(one => parts.erase(one.id, [])), parts.put(record, also(token))]);
      return token;
    },
    list: caller => of(caller.account).map(viewOf),
    async remove(caller, id, also = () => []) {
      const token = tokens.get(id);
      if (!token || (token.record.account !== caller.account && caller.role !== 'admin'))
        throw errorOf('TOKEN_UNKNOWN', { detail: id });
      tokens.delete(id);
      await parts.erase(id, also());
    },
  };

  return {
    ...administration,
    verify(secret: string): Caller | undefined {
      const token = tokens.get(secret.split('.')[0] ?? '');
      if (!token || !timingSafeEqual(hashOf(secret), token.hash)) return undefined;
      return holderOf(token);
    },
    /** Whether a caller authenticated with a token. */
    isHolder: (caller: Caller): boolean => holders.has(caller),
    isCurrent(caller: Caller): boolean {
      const token = holders.get(caller);
      return token !== undefined && holderOf(token) === caller;
    },
    /** Ends all tokens of an account; returns their ids, for the deletion of their records. */
    dropOf(account: string): string[] {
      const ids = of(account).map(({ id }) => id);
      for (const id of ids) tokens.delete(id);
      return ids;
    },
  };
}
