// The only file that touches a response of uWebSockets.js, whose traps shaped it: a handler that returns without an answer and
// without onAborted, or an answer after an abort, kills the process; a body that is not asked for in the handler's first step is
// lost; a chunk is emptied after its callback; `end` on HEAD sends the body; writes outside cork are slow.

import type { HttpRequest, HttpResponse, us_socket_context_t } from 'uWebSockets.js';
import { STATUS_CODES } from 'node:http';
import { nanoid } from 'nanoid';
import type { Answer } from './answer.ts';
import { type Head, readHead } from './head.ts';
import { type Attached, type Live, streamOver } from './live.ts';
import type { Parting } from './parting.ts';
import { stream } from './stream.ts';

/** Bytes of a request's body that are looked at. */
export const BODY_LIMIT = 16 * 1024;

/** Bytes of a body that are thrown away so that the connection can be kept; past it the connection is closed. */
const DISCARD_LIMIT = 1024 * 1024;

/** uWebSockets.js holds back what is written in a handler until it is this many bytes. */
const CORK_BUFFER = 16 * 1024;

/** Pages load nothing from elsewhere and run nothing that stands in them. */
const PAGE_POLICY: [string, string] = ['Content-Security-Policy', "default-src 'self'"];

const statusLine = (status: number): string => `${status} ${STATUS_CODES[status] ?? ''}`;

type Body =
  | { readonly kind: 'whole'; readonly bytes: Buffer }
  | { readonly kind: 'too large' }
  | { readonly kind: 'gone' };

export interface Exchange {
  /** The request's id, on its answer, in its events and in its log line. */
  readonly id: string;
  readonly head: Head;
  /** The client's network address: 4 or 16 bytes, in hexadecimal. */
  readonly address: string;
  /** Whether the client went away. */
  isGone(): boolean;
  /** Reads the body. Must be called before anything is awaited. Never rejects. */
  readBody(): Promise<Body>;
  /** Answers, unless the client is gone. `finished` is called once, when all is sent or nothing more can be. */
  send(answer: Answer, options: { readonly close: boolean }, finished: () => void): void;
}

/**
 * Takes a request over from uWebSockets.js; `upgrading` where that takes it for the start of a WebSocket. `isParting` is asked of
 * every answer without a body.
 */
export function openExchange(
  response: HttpResponse,
  request: HttpRequest,
  isParting: Parting,
  upgrading?: us_socket_context_t,
): Exchange {
  let gone = false;
  let whenGone = (): void => {};
  response.onAborted(() => {
    gone = true;
    whenGone();
  });

  const head = readHead(request, upgrading !== undefined);
  const id = head.id ?? nanoid();
  const address = Buffer.from(response.getRemoteAddress()).toString('hex');
  let unread = (head.length ?? 0) > DISCARD_LIMIT;

  function readBody(): Promise<Body> {
    const chunks: Buffer[] = [];
    let size = 0;
    return new Promise(resolve => {
      whenGone = () => resolve({ kind: 'gone' });
      response.onData((data, isLast) => {
        size += data.byteLength;
        if (size <= BODY_LIMIT) chunks.push(Buffer.from(data.slice(0)));
        unread = !isLast && size > DISCARD_LIMIT;
        if (isLast && size <= BODY_LIMIT) resolve({ kind: 'whole', bytes: Buffer.concat(chunks) });
        else if (isLast || unread) resolve({ kind: 'too large' });
      });
    });
  }

  const headersOf = ({ type, headers = {} }: Answer): [string, string][] => [
    ['Content-Type', type],
    ['X-Request-Id', id],
    ['X-Content-Type-Options', 'nosniff'],
    ...(type.startsWith('text/') ? [PAGE_POLICY] : []),
    ...Object.entries(headers),
  ];

  /**
   * From here on the response is a WebSocket, which `webSocketBehavior` handles. Never within `cork`: that looks afterwards, in memory
   * which the response has given back, whether its connection is to be closed, and now and then closes a WebSocket that has just been
   * opened (uWebSockets pull request 1929). After an `await` uWebSockets.js complains of it on stderr, once for every new login.
   */
  function upgrade(live: Live, key: string, context: us_socket_context_t): void {
    response.cork(() => response.writeStatus('101 Switching Protocols').writeHeader('X-Request-Id', id));
    response.upgrade<Attached>({ live }, key, '', '', context);
  }

  /** Ends an answer whose body, of so many bytes, is not sent; see `Parting` for when it is the connection's last. */
  function endWithoutBody(bytes: number | undefined): void {
    if (bytes !== undefined) response.writeHeader('Content-Length', String(bytes));
    if (!isParting()) {
      response.endWithoutBody();
      return;
    }
    response.writeHeader('Date', new Date().toUTCString());
    // With the line that ends the head: to uWebSockets.js the answer is unfinished, and a request behind it ends the connection.
    response.writeHeader('Connection', 'close\r\n');
    setImmediate(() => {
      if (!gone) response.close();
    });
  }

  function write(answer: Answer, close: boolean, finished: () => void): void {
    const { body, live } = answer;
    const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.bytes;
    response.writeStatus(statusLine(answer.status));
    for (const [name, value] of headersOf(answer)) response.writeHeader(name, value);
    if (live && head.method !== 'HEAD') {
      whenGone = streamOver(response, live).closed;
      finished();
    } else if (answer.status === 304) {
      // Its length would be that of the body which the client has.
      endWithoutBody(undefined);
      finished();
    } else if (close && typeof body === 'string') {
      response.end(head.method === 'HEAD' ? '' : body, true);
      finished();
    } else if (head.method === 'HEAD' || bytes === 0) {
      endWithoutBody(bytes);
      finished();
    } else {
      stream(response, body, finished);
    }
  }

  /**
   * Answers a request of which nobody knows where it ends, and cuts the connection before its rest is taken for another request.
   * `end(body, true)` is too late for that: it closes after the whole read was parsed, and a second request in it even lifts the
   * mark. So the answer is written by hand, as long as it takes to leave the cork buffer, and the socket is closed at once.
   */
  function cut(answer: Answer, finished: () => void): void {
    const body = String(answer.body).padEnd(CORK_BUFFER, ' ');
    response.writeStatus(statusLine(answer.status));
    for (const [name, value] of headersOf(answer)) response.writeHeader(name, value);
    response.writeHeader('Connection', 'close');
    // Counted in bytes, with the line end that follows every header.
    response.writeHeader('Content-Length', `${Buffer.byteLength(body) + 2}\r\n\r\n${body}`);
    finished();
    response.close();
  }

  function send(answer: Answer, options: { readonly close: boolean }, finished: () => void): void {
    if (gone) {
      finished();
      return;
    }
    whenGone = finished;
    try {
      if (head.broken !== undefined) {
        cut(answer, finished);
      } else if (answer.live && upgrading && head.webSocket) {
        upgrade(answer.live, head.webSocket, upgrading);
        finished();
      } else {
        response.cork(() => write(answer, options.close || unread, finished));
      }
    } catch (error) {
      // Half an answer would keep its client waiting.
      if (!gone) response.close();
      throw error;
    }
  }

  return { id, head, address, isGone: () => gone, readBody, send };
}
