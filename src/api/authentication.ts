import type { Accounts } from '../accounts/accounts.ts';
import type { Caller } from '../disks/service.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Name and password of a Basic Authorization header (RFC 7617, in UTF-8), or undefined where it is none. */
function basicCredentials(
  header: string | undefined,
): { readonly name: string; readonly password: string } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(header ?? '')?.[1];
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

/** The API token of a Bearer Authorization header (RFC 6750), or undefined where it is none. */
const bearerToken = (header: string | undefined): string | undefined =>
  /^bearer +([\w.~+/-]+=*) *$/i.exec(header ?? '')?.[1];

/**
 * Who asks: at once where that is known, undefined for nobody. `address` is the client's, in hexadecimal. Rejects with
 * TOO_MANY_LOGINS.
 */
export function authenticate(
  header: string | undefined,
  address: string,
  accounts: Accounts,
): Caller | undefined | Promise<Caller | undefined> {
  const token = bearerToken(header);
  if (token !== undefined) return accounts.verifyToken(token);
  const credentials = basicCredentials(header);
  return credentials && accounts.verify(credentials.name, credentials.password, address);
}
