// Pages of other sites can misuse a browser: they send forms here with the credentials that the browser has
// stored (CSRF), or make their own host name resolve to 127.0.0.1 and read the answers (DNS rebinding).
// Browsers tell the origin and the host name in headers that no page can forge.
import { isLoopback } from '../../config/loopback.ts';
import { errorOf } from '../../errors.ts';
import type { Head } from '../http/head.ts';

/** The name in a Host header in lower case, without port, brackets and final dot. */
function nameIn(host: string): string {
  const name = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host.toLowerCase());
  return (name?.[1] ?? name?.[2] ?? '').replace(/\.$/, '');
}

/** Whether a request comes from a page of this service, by the headers of its browser. */
function isOfOurOwn({ origin, host }: Head, secure: boolean): boolean {
  const [scheme, rest] = (origin ?? '').toLowerCase().split('://');
  // Behind a proxy that ends TLS the browser says https, and this service listens with plain HTTP.
  return (scheme === 'https' || (scheme === 'http' && !secure)) && rest === host?.toLowerCase();
}

/**
 * Returns a check that throws HOST_UNKNOWN (DNS rebinding) or CROSS_SITE (CSRF). `host`: the address that the
 * service listens on; if that is a loopback address, its only names are `hostNames` and the loopback names.
 * `changes`: whether the request is to change something.
 */
export function createHostAndOriginCheck(listen: {
  readonly host: string;
  readonly secure: boolean;
  readonly hostNames: readonly string[];
  /** Whether the request comes from a page of another origin that may use the API. */
  readonly isAllowed: (head: Head) => boolean;
}): (head: Head, changes: boolean) => void {
  const isLocal = isLoopback(listen.host);
  /** The last Host header that was accepted: most requests have the same. */
  let known: string | undefined;

  function demandOurName(host = ''): void {
    const name = nameIn(host);
    if (!isLoopback(name) && !listen.hostNames.includes(name)) throw errorOf('HOST_UNKNOWN');
    known = host;
  }

  return (head, changes) => {
    if (isLocal && (known === undefined || head.host !== known)) demandOurName(head.host);
    // A WebSocket begins with GET, and the same-origin policy does not protect what it receives.
    if (!changes && !head.webSocket) return;
    const { fetchSite: site, origin, host } = head;
    const isForeign = site === 'cross-site' || site === 'same-site';
    const isOurs = !isForeign && (origin === undefined || isOfOurOwn(head, listen.secure));
    if (isOurs || listen.isAllowed(head)) return;
    throw errorOf('CROSS_SITE', {
      detail: origin === undefined ? '' : `its origin is ${origin}, this is ${host}`,
    });
  };
}
