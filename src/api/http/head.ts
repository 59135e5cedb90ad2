// uWebSockets.js uses the first of two different Content-Length headers and parses the rest of the body as
// the next request, which behind a proxy belongs to another client (request smuggling). It also runs the
// handler of a request whose framing it then refuses. So the framing is checked here, before anything else.
import type { HttpRequest } from 'uWebSockets.js';

/**
 * A request without its body. Copied, as uWebSockets.js reuses its request after the handler's first return.
 */
export interface Head {
  readonly method: string;
  /** Not percent-decoded, without the query. */
  readonly path: string;
  readonly query: string;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  /** Content-Encoding of the body; undefined if it has none. */
  readonly contentCoding: string | undefined;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** Sec-Fetch-Site: how the site of the page that asks is related to this one. */
  readonly fetchSite: string | undefined;
  /** X-Forwarded-For: the clients for whom proxies say that they ask. */
  readonly forwardedFor: string | undefined;
  /** Whether there is Access-Control-Request-Method: a preflight request of CORS. */
  readonly asksForMethod: boolean;
  /** The client's own id of the request, if it is safe in a header and a log. */
  readonly id: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly accept: string | undefined;
  readonly lastEventId: string | undefined;
  /** If-Match: the versions to which the request applies. */
  readonly ifMatch: string | undefined;
  /** If-None-Match: the versions that the client has; undefined for HEAD, which is never answered 304. */
  readonly ifNoneMatch: string | undefined;
  /** Set if the client asks for a WebSocket (RFC 6455, section 4.2.1): two of its header fields. */
  readonly webSocket: { readonly key: string; readonly version: string | undefined } | undefined;
  /** Length of the body in bytes; undefined if it is chunked. */
  readonly length: number | undefined;
  /** Why the end of this request cannot be determined; undefined if it can. */
  readonly broken: string | undefined;
  /** Why the request is ambiguous; undefined if it is not. */
  readonly ambiguous: string | undefined;
}

/**
 * Header fields that must not be repeated: programs that use the first of two and programs that use the last
 * understand different requests.
 */
const SINGLE: ReadonlySet<string> = new Set([
  'authorization',
  'content-type',
  'host',
  'idempotency-key',
  'last-event-id',
  'origin',
  'sec-fetch-site',
  'sec-websocket-key',
  'sec-websocket-version',
]);

const SANE_ID = /^[\w.~:+/=@-]{1,128}$/;

type Framing = Pick<Head, 'length' | 'broken'>;

const noBody: Framing = { length: 0, broken: undefined };

function framing(lengths: readonly string[], codings: readonly string[]): Framing {
  if (lengths.length === 0 && codings.length === 0) return noBody;
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

/** A head that looks a field up when it is read: a request needs few of them. */
class ReadHead implements Head {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly length: number | undefined;
  readonly broken: string | undefined;
  readonly ambiguous: string | undefined;
  readonly #fields: ReadonlyMap<string, string>;
  readonly #upgrading: boolean;

  constructor(
    request: HttpRequest,
    fields: ReadonlyMap<string, string>,
    { length, broken }: Framing,
    ambiguous: string | undefined,
    upgrading: boolean,
  ) {
    this.method = request.getCaseSensitiveMethod();
    this.path = request.getUrl();
    // Undefined if there is none, contrary to its declaration.
    this.query = request.getQuery() || '';
    this.length = length;
    this.broken = broken;
    this.ambiguous = ambiguous;
    this.#fields = fields;
    this.#upgrading = upgrading;
  }

  get authorization() {
    return this.#fields.get('authorization');
  }
  get contentType() {
    return this.#fields.get('content-type');
  }
  get contentCoding() {
    const coding = this.#fields.get('content-encoding')?.trim().toLowerCase();
    return coding === '' || coding === 'identity' ? undefined : coding;
  }
  get host() {
    return this.#fields.get('host');
  }
  get origin() {
    return this.#fields.get('origin');
  }
  get fetchSite() {
    return this.#fields.get('sec-fetch-site');
  }
  get forwardedFor() {
    return this.#fields.get('x-forwarded-for');
  }
  get asksForMethod() {
    return this.#fields.has('access-control-request-method');
  }
  get id() {
    const id = this.#fields.get('x-request-id');
    return id !== undefined && SANE_ID.test(id) ? id : undefined;
  }
  get idempotencyKey() {
    return this.#fields.get('idempotency-key');
  }
  get accept() {
    return this.#fields.get('accept');
  }
  get lastEventId() {
    return this.#fields.get('last-event-id');
  }
  get ifMatch() {
    return this.#fields.get('if-match');
  }
  get ifNoneMatch() {
    // httplib2 sends HEAD with the tags of its cache, and takes 304 for "does not exist".
    return this.method === 'HEAD' ? undefined : this.#fields.get('if-none-match');
  }
  get webSocket() {
    // uWebSockets.js itself looks for the key only.
    const isAsked =
      this.#upgrading &&
      names(this.#fields.get('upgrade'), 'websocket') &&
      names(this.#fields.get('connection'), 'upgrade');
    const key = this.#fields.get('sec-websocket-key');
    return isAsked && key !== undefined
      ? { key, version: this.#fields.get('sec-websocket-version') }
      : undefined;
  }
}

/** Reads all of a request but its body. `upgrading`: uWebSockets.js takes it for the start of a WebSocket. */
export function readHead(request: HttpRequest, upgrading: boolean): Head {
  const lengths: string[] = [];
  const codings: string[] = [];
  const fields = new Map<string, string>();
  let ambiguous: string | undefined;
  request.forEach((name, value) => {
    const before = fields.get(name);
    if (name === 'content-length') lengths.push(value);
    else if (name === 'transfer-encoding') codings.push(value);
    else if (before === undefined) fields.set(name, value);
    else if (SINGLE.has(name)) ambiguous ??= `it has two headers ${name}`;
    else fields.set(name, `${before}, ${value}`);
  });
  return new ReadHead(request, fields, framing(lengths, codings), ambiguous, upgrading);
}
