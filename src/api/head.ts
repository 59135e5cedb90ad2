// uWebSockets.js believes the first of two different Content-Length headers and takes the rest of the body for the next request,
// which behind a proxy is somebody else's. It also runs the handler of a request whose framing it then refuses. So framing is
// judged here, before anything else.
import type { HttpRequest } from 'uWebSockets.js';

/** What a request says before its body. Taken at once: uWebSockets.js keeps none of it after the handler's first return. */
export interface Head {
  readonly method: string;
  /** Not percent-decoded, without the query. */
  readonly path: string;
  readonly query: string;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** Sec-Fetch-Site: how a browser's page is related to us. */
  readonly fetchSite: string | undefined;
  /** The client's own id of the request, where it is fit for a header and a log. */
  readonly id: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly accept: string | undefined;
  readonly lastEventId: string | undefined;
  /** If-Match: which versions the client means. */
  readonly ifMatch: string | undefined;
  /** If-None-Match: which copies the client has. */
  readonly ifNoneMatch: string | undefined;
  /** Sec-WebSocket-Key, where the client asks for a WebSocket as RFC 6455, section 4.2.1, wants it. */
  readonly webSocket: string | undefined;
  /** Bytes of the body; undefined where it comes in chunks. */
  readonly length: number | undefined;
  /** Why nobody can tell where this request ends. */
  readonly broken: string | undefined;
}

const SANE_ID = /^[\w.~:+/=@-]{1,128}$/;

function framing(lengths: readonly string[], codings: readonly string[]): Pick<Head, 'length' | 'broken'> {
  if (codings.length > 0) {
    const chunked = codings.length === 1 && codings[0]?.toLowerCase() === 'chunked' && lengths.length === 0;
    return {
      length: undefined,
      broken: chunked ? undefined : 'of its Transfer-Encoding only chunked is known',
    };
  }
  const [first = '0', ...others] = lengths;
  if (!/^\d{1,15}$/.test(first)) return { length: 0, broken: 'its Content-Length is not a number' };
  const agree = others.every(other => other === first);
  return { length: Number(first), broken: agree ? undefined : 'it has two different Content-Length headers' };
}

const names = (list: string | undefined, token: string): boolean =>
  list?.split(',').some(one => one.trim().toLowerCase() === token) === true;

/** Reads everything of a request that is read ever; `upgrading` where uWebSockets.js takes it for the start of a WebSocket. */
export function readHead(request: HttpRequest, upgrading: boolean): Head {
  const lengths: string[] = [];
  const codings: string[] = [];
  const others = new Map<string, string>();
  request.forEach((name, value) => {
    if (name === 'content-length') lengths.push(value);
    else if (name === 'transfer-encoding') codings.push(value);
    else if (!others.has(name)) others.set(name, value);
  });
  const id = others.get('x-request-id');
  // All that uWebSockets.js looks for is the key.
  const webSocket =
    upgrading && names(others.get('upgrade'), 'websocket') && names(others.get('connection'), 'upgrade');
  return {
    method: request.getCaseSensitiveMethod(),
    path: request.getUrl(),
    // Undefined where there is none, whatever the declaration says.
    query: request.getQuery() || '',
    authorization: others.get('authorization'),
    contentType: others.get('content-type'),
    host: others.get('host'),
    origin: others.get('origin'),
    fetchSite: others.get('sec-fetch-site'),
    id: id !== undefined && SANE_ID.test(id) ? id : undefined,
    idempotencyKey: others.get('idempotency-key'),
    accept: others.get('accept'),
    lastEventId: others.get('last-event-id'),
    ifMatch: others.get('if-match'),
    ifNoneMatch: others.get('if-none-match'),
    webSocket: webSocket ? others.get('sec-websocket-key') : undefined,
    ...framing(lengths, codings),
  };
}
