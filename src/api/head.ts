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
  /** If-None-Match: which copies the client has; of HEAD, which is never answered 304, it is not looked at. */
  readonly ifNoneMatch: string | undefined;
  /** Sec-WebSocket-Key, where the client asks for a WebSocket as RFC 6455, section 4.2.1, wants it. */
  readonly webSocket: string | undefined;
  /** Bytes of the body; undefined where it comes in chunks. */
  readonly length: number | undefined;
  /** Why nobody can tell where this request ends. */
  readonly broken: string | undefined;
}

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

/** A head that looks for a field when it is asked: most requests are asked for few. */
class ReadHead implements Head {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly length: number | undefined;
  readonly broken: string | undefined;
  readonly #fields: ReadonlyMap<string, string>;
  readonly #upgrading: boolean;

  constructor(
    request: HttpRequest,
    fields: ReadonlyMap<string, string>,
    { length, broken }: Framing,
    upgrading: boolean,
  ) {
    this.method = request.getCaseSensitiveMethod();
    this.path = request.getUrl();
    // Undefined where there is none, whatever the declaration says.
    this.query = request.getQuery() || '';
    this.length = length;
    this.broken = broken;
    this.#fields = fields;
    this.#upgrading = upgrading;
  }

  get authorization() {
    return this.#fields.get('authorization');
  }
  get contentType() {
    return this.#fields.get('content-type');
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
    // httplib2 asks with the tags of its cache whether a disk exists, and takes 304 to HEAD for no.
    return this.method === 'HEAD' ? undefined : this.#fields.get('if-none-match');
  }
  get webSocket() {
    // All that uWebSockets.js looks for is the key.
    const isAsked =
      this.#upgrading &&
      names(this.#fields.get('upgrade'), 'websocket') &&
      names(this.#fields.get('connection'), 'upgrade');
    return isAsked ? this.#fields.get('sec-websocket-key') : undefined;
  }
}

/** Reads everything of a request that is read ever; `upgrading` where uWebSockets.js takes it for the start of a WebSocket. */
export function readHead(request: HttpRequest, upgrading: boolean): Head {
  const lengths: string[] = [];
  const codings: string[] = [];
  const fields = new Map<string, string>();
  request.forEach((name, value) => {
    if (name === 'content-length') lengths.push(value);
    else if (name === 'transfer-encoding') codings.push(value);
    else if (!fields.has(name)) fields.set(name, value);
  });
  return new ReadHead(request, fields, framing(lengths, codings), upgrading);
}
