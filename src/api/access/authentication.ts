import type { Accounts } from '../../accounts/accounts.ts';
import type { Caller } from '../../accounts/caller.ts';
import { accountName } from '../../accounts/record.ts';
import { createVerifiedPasswords } from '../../accounts/verified-passwords.ts';
import type { Exchange } from '../http/exchange.ts';
import { createLoginDelay } from './login-delay.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Name and password of a Basic Authorization header (RFC 7617, in UTF-8); undefined for any other header. */
function basicCredentials(header: string): { readonly name: string; readonly password: string } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  let text: string;
  try {
    text = utf8.decode(Buffer.from(encoded, 'base64'));
  } catch {
    return undefined;
  }
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

/**
 * The account name of a failed login, for the log; undefined if it is no name: people type passwords there.
 */
export function attemptedName(header: string | undefined): string | undefined {
  const name = header === undefined ? undefined : basicCredentials(header)?.name;
  return accountName.safeParse(name).success ? name : undefined;
}

/** The API token of a Bearer Authorization header (RFC 6750); undefined for any other header. */
const bearerToken = (header: string): string | undefined => /^bearer +([\w.~+/-]+=*) *$/i.exec(header)?.[1];

/** How many verified Authorization headers are cached. */
const MAX_VERIFIED_HEADERS = 1024;

/**
 * Returns a function that authenticates a request: its caller, undefined without valid credentials; without a
 * promise if the header is cached. Rejects with TOO_MANY_LOGINS. `maxRequests`: the limit of concurrent
 * requests.
 */
export function createAuthentication(
  accounts: Accounts,
  maxRequests: number,
): (exchange: Exchange) => Caller | undefined | Promise<Caller | undefined> {
  // To decode a header again that was verified before would be the largest cost of a short request.
  const verified = createVerifiedPasswords<Caller>(MAX_VERIFIED_HEADERS);
  const delay = createLoginDelay(maxRequests);

  return exchange => {
    const header = exchange.head.authorization;
    if (header === undefined) return undefined;
    const key = verified.keyOf(header);
    const known = verified.get(key);
    if (known && accounts.isCurrent(known)) return known;

    const token = bearerToken(header);
    if (token !== undefined) return accounts.verifyToken(token);
    const credentials = basicCredentials(header);
    if (!credentials) return undefined;
    const found = accounts.verify(credentials.name, credentials.password, exchange.address);
    if (found instanceof Promise) return found.catch(delay);
    // The entry does not expire: when these credentials are changed or revoked, `isCurrent` is false.
    if (found) verified.set(key, found);
    return found;
  };
}
