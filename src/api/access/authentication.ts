import type { Accounts } from '../../accounts/accounts.ts';
import type { Caller } from '../../accounts/caller.ts';
import { accountName } from '../../accounts/record.ts';
import { createVerifiedPasswords } from '../../accounts/verified-passwords.ts';
import type { Exchange } from '../http/exchange.ts';
import { createLoginDelay } from './login-delay.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Name and password of a Basic Authorization header (RFC 7617, in UTF-8), or undefined where it is none. */
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

/** The name that was tried, for the log; no other text: people type their password there. */
export function attemptedName(header: string | undefined): string | undefined {
  const name = header === undefined ? undefined : basicCredentials(header)?.name;
  return accountName.safeParse(name).success ? name : undefined;
}

/** The API token of a Bearer Authorization header (RFC 6750), or undefined where it is none. */
const bearerToken = (header: string): string | undefined => /^bearer +([\w.~+/-]+=*) *$/i.exec(header)?.[1];

/** How many headers are recognized. */
const RECOGNIZED = 1024;

/**
 * Tells who asks: at once where that is known, undefined for nobody. Rejects with TOO_MANY_LOGINS. `maxRequests`: how many may be at
 * work.
 */
export function createAuthentication(
  accounts: Accounts,
  maxRequests: number,
): (exchange: Exchange) => Caller | undefined | Promise<Caller | undefined> {
  // To read a header again that was right before costs more than all else there is to ask of it.
  const recognized = createVerifiedPasswords<Caller>(RECOGNIZED);
  const hold = createLoginDelay(maxRequests);

  return exchange => {
    const header = exchange.head.authorization;
    if (header === undefined) return undefined;
    const key = recognized.keyOf(header);
    const known = recognized.get(key);
    if (known && accounts.isCurrent(known)) return known;

    const token = bearerToken(header);
    if (token !== undefined) return accounts.verifyToken(token);
    const credentials = basicCredentials(header);
    if (!credentials) return undefined;
    const found = accounts.verify(credentials.name, credentials.password, exchange.address);
    if (found instanceof Promise) return found.catch(hold);
    // Once these credentials are no more, their caller is not current.
    if (found) recognized.set(key, found);
    return found;
  };
}
