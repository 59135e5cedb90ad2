// Browsers are made to ask for others: a page of a stranger sends forms here with the credentials that the browser has kept, or makes
// its own name mean 127.0.0.1 and reads the answers (DNS rebinding). Browsers say so in headers that no page can forge.
import { isLoopback } from '../../config/loopback.ts';
import { errorOf } from '../../errors.ts';
import type { Head } from '../http/head.ts';

/** The name in a Host header, without the port: lower case, without a final dot and without brackets. */
function nameIn(host: string): string {
  const name = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host.toLowerCase());
  return (name?.[1] ?? name?.[2] ?? '').replace(/\.$/, '');
}

/** Whether a request comes from a page of this very service, as far as its browser says. */
function isOfOurOwn({ origin, host }: Head, secure: boolean): boolean {
  const [scheme, rest] = (origin ?? '').toLowerCase().split('://');
  // Before a proxy that ends TLS the browser's scheme is better than ours.
  return (scheme === 'https' || (scheme === 'http' && !secure)) && rest === host?.toLowerCase();
}

/**
 * Throws HOST_UNKNOWN or CROSS_SITE for what only a misled browser sends. `host` is where the service listens: on loopback it has no
 * names but `hostNames` and those of this machine to itself. `changes`: whether the request is one to change something.
 */
export function createGate(listen: {
  readonly host: string;
  readonly secure: boolean;
  readonly hostNames: readonly string[];
  /** Whether a page of another origin asks that may use the API. */
  readonly isAllowed: (head: Head) => boolean;
}): (head: Head, changes: boolean) => void {
  const isLocal = isLoopback(listen.host);
  /** What the last request that came through said: most say the same. */
  let known: string | undefined;

  function demandOurName(host = ''): void {
    const name = nameIn(host);
    if (!isLoopback(name) && !listen.hostNames.includes(name)) throw errorOf('HOST_UNKNOWN');
    known = host;
  }

  return (head, changes) => {
    if (isLocal && (known === undefined || head.host !== known)) demandOurName(head.host);
    // A WebSocket begins with GET, and any page may read what comes over it.
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
