// With `stream.ts` and `event-transports.ts` the only code that uses a response of uWebSockets.js, whose
// traps shaped it. The process dies if a handler returns with neither an answer nor onAborted, or answers
// after an abort. A body is lost unless it is asked for in the handler's first synchronous step. A chunk is
// emptied after its callback. `end` on HEAD sends the body. Writes outside `cork` are slow.

import type { HttpRequest, HttpResponse, us_socket_context_t } from 'uWebSockets.js';
import { setImmediate as turn } from 'node:timers/promises';
import { nanoid } from 'nanoid';
import { type Address, addressOf, type createClientAddress } from '../access/client-address.ts';
import type { HttpAnswer } from './answer.ts';
import { fieldsOf, statusLine } from './answer-head.ts';
import type { ConnectionRecycling } from './connection-recycling.ts';
import { type Attached, type Live, streamOver } from './event-transports.ts';
import { type Head, readHead } from './head.ts';
import { stream } from './stream.ts';

/** Maximum length of a request's body, in bytes. */
export const BODY_LIMIT = 16 * 1024;

/** Bytes of a body that are discarded to keep the connection open; beyond it the connection is closed. */
const DISCARD_LIMIT = 1024 * 1024;

/** Size of the cork buffer of uWebSockets.js, which holds back what a handler writes until it is full. */
const CORK_BUFFER = 16 * 1024;

type Body =
  | { readonly kind: 'whole'; readonly bytes: Buffer }
  | { readonly kind: 'too large' }
  | { readonly kind: 'gone' };

/** What all exchanges share. */
interface Network {
  /** Called for every answer without a body. */
  readonly isLastOnConnection: ConnectionRecycling;
  readonly clientAddress: ReturnType<typeof createClientAddress>;
}

/** A request, and the way to answer it. */
export class Exchange {
  readonly head: Head;
  /** The request's id, which is in its answer, its events and its log line. */
  readonly id: string;
  readonly #response: HttpResponse;
  readonly #network: Network;
  readonly #upgrading: us_socket_context_t | undefined;
  #address: Address | undefined;
  #gone = false;
  #whenGone = (): void => {};
  /** Whether more of the body is to come than DISCARD_LIMIT. */
  #unread: boolean;
  /** Whether reading from the connection is paused. */
  #held = false;

  /** Takes a request over from uWebSockets.js. `upgrading` is set if that sees the start of a WebSocket. */
  constructor(
    response: HttpResponse,
    request: HttpRequest,
    network: Network,
    upgrading: us_socket_context_t | undefined,
  ) {
    response.onAborted(() => {
      this.#gone = true;
      this.#whenGone();
    });
    this.head = readHead(request, upgrading !== undefined);
    this.id = this.head.id ?? nanoid();
    this.#response = response;
    this.#network = network;
    this.#upgrading = upgrading;
    this.#unread = (this.head.length ?? 0) > DISCARD_LIMIT;
  }

  /** Whether the client went away. */
  get isGone(): boolean {
    return this.#gone;
  }

  /** The client's network address. It must be read before the first `await`: the connection may end. */
  get address(): Address {
    this.#address ??= this.#network.clientAddress(
      addressOf(this.#response.getRemoteAddress()),
      this.head.forwardedFor,
    );
    return this.#address;
  }

  /**
   * For a request that changes something, after its body has arrived. Resolves when uWebSockets.js has parsed
   * all data that came with the body: if they end the connection (malformed data, a second request), the
   * request is aborted before it has any effect. Later data are not read until the answer is sent.
   */
  whole(): Promise<void> {
    if (!this.#gone) this.#hold();
    return turn();
  }

  #hold(): void {
    if (this.#held) return;
    this.#held = true;
    // Otherwise uWebSockets.js would assume, as soon as the socket is writable, that it waits for a request,
    // and close the connection after 10 s.
    this.#response.onWritable(() => true);
    this.#response.pause();
  }

  /** Reads the body. Must be called before the first `await`. Never rejects. */
  readBody(): Promise<Body> {
    const chunks: Buffer[] = [];
    let size = 0;
    return new Promise(resolve => {
      this.#whenGone = () => resolve({ kind: 'gone' });
      this.#response.onData((data, isLast) => {
        size += data.byteLength;
        if (size <= BODY_LIMIT) chunks.push(Buffer.from(data.slice(0)));
        this.#unread = !isLast && size > DISCARD_LIMIT;
        if (isLast && size <= BODY_LIMIT) resolve({ kind: 'whole', bytes: Buffer.concat(chunks) });
        else if (isLast || this.#unread) resolve({ kind: 'too large' });
      });
    });
  }

  /**
   * Sends the answer, unless the client is gone. `close`: it is the last on its connection. `finished` is
   * called once, when all is sent or nothing more can be sent.
   */
  send(answer: HttpAnswer, close: boolean, finished: () => void): void {
    if (this.#gone) {
      finished();
      return;
    }
    this.#whenGone = finished;
    try {
      if (this.#held) this.#response.resume();
      if (this.head.broken !== undefined) this.#cut(answer, finished);
      else if (answer.live && this.#upgrading && this.head.webSocket !== undefined) {
        this.#upgrade(answer.live, this.head.webSocket.key, this.#upgrading);
        finished();
      } else {
        let isSent = false;
        this.#response.cork(() => {
          isSent = this.#write(answer, close || this.#unread, finished);
        });
        // Not earlier: `cork` sends the data after its callback.
        if (isSent) finished();
      }
    } catch (error) {
      // Otherwise the client would wait for the rest of half an answer.
      if (!this.#gone) this.#response.close();
      throw error;
    }
  }

  #writeHead(answer: HttpAnswer): void {
    // uWebSockets.js writes 200 by default.
    if (answer.status !== 200) this.#response.writeStatus(statusLine(answer.status));
    this.#response.writeHeader('Content-Type', fieldsOf(answer, this.id));
  }

  /** Writes the answer. Returns true if all of it is written; else `finished` is called when it is. */
  #write(answer: HttpAnswer, close: boolean, finished: () => void): boolean {
    const { body, live, status } = answer;
    const isHead = this.head.method === 'HEAD';
    this.#writeHead(answer);
    if (live && !isHead) {
      this.#whenGone = streamOver(this.#response, live).closed;
    } else if (status === 304) {
      // No Content-Length: it would be the length of the body that the client has.
      this.#endWithoutBody(undefined);
    } else if (close && typeof body === 'string') {
      this.#response.end(isHead ? '' : body, true);
    } else if (isHead || body === '') {
      this.#endWithoutBody(typeof body === 'string' ? Buffer.byteLength(body) : body.bytes);
    } else {
      return stream(this.#response, body, finished);
    }
    return true;
  }

  /**
   * Ends an answer whose body, of `bytes` bytes, is not sent. See `createConnectionRecycling` for why it may
   * close the connection.
   */
  #endWithoutBody(bytes: number | undefined): void {
    const response = this.#response;
    if (bytes !== undefined) response.writeHeader('Content-Length', String(bytes));
    if (!this.#network.isLastOnConnection()) {
      response.endWithoutBody();
      return;
    }
    response.writeHeader('Date', new Date().toUTCString());
    // This includes the line that ends the head: to uWebSockets.js the answer is unfinished, and another
    // request on this connection ends it.
    response.writeHeader('Connection', 'close\r\n');
    setImmediate(() => {
      if (!this.#gone) response.close();
    });
  }

  /**
   * Makes the response a WebSocket, which `webSocketBehavior` handles. Never within `cork`: after its
   * callback, `cork` reads from freed memory of the response whether to close the connection, and sometimes
   * closes the new WebSocket (uWebSockets pull request 1929). After an `await` uWebSockets.js warns on stderr
   * that there is no `cork`, once for every new login.
   */
  #upgrade(live: Live, key: string, context: us_socket_context_t): void {
    const response = this.#response;
    response.cork(() => response.writeStatus('101 Switching Protocols').writeHeader('X-Request-Id', this.id));
    response.upgrade<Attached>({ live }, key, '', '', context);
  }

  /**
   * Answers a request whose end cannot be determined, and closes the connection before its rest is parsed as
   * another request. `end(body, true)` closes too late: after all data of the read are parsed, and a second
   * request in them even cancels the closing. So the answer is written by hand, padded until it overflows the
   * cork buffer, and the socket is closed at once.
   */
  #cut(answer: HttpAnswer, finished: () => void): void {
    const response = this.#response;
    const body = String(answer.body).padEnd(CORK_BUFFER, ' ');
    this.#writeHead(answer);
    response.writeHeader('Connection', 'close');
    // In bytes, with the line end that follows every header.
    response.writeHeader('Content-Length', `${Buffer.byteLength(body) + 2}\r\n\r\n${body}`);
    finished();
    response.close();
  }
}
