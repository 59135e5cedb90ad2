import { setTimeout as delay } from 'node:timers/promises';
import { errorOf } from '../errors.ts';
import type { Account } from './account.ts';
import type { Caller } from './caller.ts';
import type { FairQueue } from './fair-queue.ts';
import { type HashCost, impossibleHash, matchesPassword } from './password.ts';
import { accountName } from './record.ts';
import { createThrottle } from './throttle.ts';
import { createVerifiedPasswords } from './verified-passwords.ts';

/** How many pairs of account and client with failed logins are remembered. */
const PAIRS = 10_000;

/**
 * The part of an address that one client has to itself: an IPv4 address, or the first 64 bits of an IPv6
 * address (RFC 6177). `address` is 4 or 16 bytes in hexadecimal.
 */
function clientOf(address: string): string {
  const mapped = /^0{20}ffff([0-9a-f]{8})$/.exec(address)?.[1];
  return mapped ?? address.slice(0, 16);
}

/**
 * Checks names and passwords. Credentials that were right before are found in a cache and never slowed, so
 * nobody can lock out a program that is in use. Wrong logins are slowed per account and client, never per
 * account alone.
 */
export function createLogins(parts: {
  readonly find: (name: string) => Account | undefined;
  readonly hashing: FairQueue;
  readonly cost: HashCost;
  readonly remembered: number;
  readonly now: () => number;
}) {
  const { find, hashing } = parts;
  const verified = createVerifiedPasswords<Account>(parts.remembered);
  // A name contains no NUL, so no other pair gives the same text.
  const keyOf = (name: string, password: string): string => verified.keyOf(`${name}\0${password}`);
  const throttle = createThrottle(PAIRS, parts.now);
  const checks = new Map<string, { account: Account | undefined; result: Promise<Caller | undefined> }>();
  const dummyHash = impossibleHash(parts.cost);

  async function check(name: string, password: string, client: string, key: string) {
    const pair = `${name}\n${client}`;
    const account = find(name);
    const wait = throttle.waitMs(pair);
    if (wait > 0) throw errorOf('TOO_MANY_LOGINS', { retryAfterS: Math.ceil(wait / 1000) });
    const matches = await hashing(client, name, async () => {
      const begun = performance.now();
      const right = await matchesPassword(password, account?.record.password ?? dummyHash);
      // Waits as long again: a flood of wrong logins leaves half of a core's time to other work.
      if (!right || !account) await delay(performance.now() - begun);
      return right;
    });
    if (!matches || !account) {
      throttle.failed(pair);
      return undefined;
    }
    throttle.succeeded(pair);
    await account.written;
    if (find(name) !== account) return undefined;
    verified.set(key, account);
    return account.caller;
  }

  return {
    /** See `Accounts.verify`. */
    verify(name: string, password: string, address = ''): Caller | undefined | Promise<Caller | undefined> {
      // A quick answer for a name that no account can have reveals nothing.
      if (!accountName.safeParse(name).success) return undefined;
      const account = find(name);
      const key = keyOf(name, password);
      const before = verified.get(key);
      if (before) {
        if (before === account) return account.caller;
        verified.delete(key);
      }
      // A frontend reconnects with dozens of connections at once: their common credentials are checked once.
      const client = clientOf(address);
      const asked = `${key}\n${client}`;
      const running = checks.get(asked);
      if (running && running.account === account) return running.result;
      const result = check(name, password, client, key).finally(() => {
        if (checks.get(asked)?.result === result) checks.delete(asked);
      });
      checks.set(asked, { account, result });
      return result;
    },
    /** Whether these credentials were verified before and are still valid. */
    isKnown: (name: string, password: string): boolean => {
      const known = verified.get(keyOf(name, password));
      return known !== undefined && known === find(name);
    },
  };
}
