// The only file that touches a response of uWebSockets.js, whose traps shaped it: a handler that returns without an answer and
// without onAborted, or an answer after an abort, kills the process; a body that is not asked for in the handler's first step is
// lost; a chunk is emptied after its callback; `end` on HEAD sends the body; writes outside cork are slow.

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

/** Bytes of a request's body that are looked at. */
export const BODY_LIMIT = 16 * 1024;

/** Bytes of a body that are thrown away so that the connection can be kept; past it the connection is closed. */
const DISCARD_LIMIT = 1024 * 1024;

/** uWebSockets.js holds back what is written in a handler until it is this many bytes. */
const CORK_BUFFER = 16 * 1024;

type Body =
  | { readonly kind: 'whole'; readonly bytes: Buffer }
  | { readonly kind: 'too large' }
  | { readonly kind: 'gone' };

/** What there is to know of the connections that requests come over. */
interface Network {
  /** Asked of every answer without a body. */
  readonly isParting: ConnectionRecycling;
  readonly clientAddress: ReturnType<typeof createClientAddress>;
}

/** A request, and the way to answer it. */
export class Exchange {
  readonly head: Head;
  /** The request's id, on its answer, in its events and in its log line. */
  readonly id: string;
  readonly #response: HttpResponse;
  readonly #network: Network;
  readonly #upgrading: us_socket_context_t | undefined;
  #address: Address | undefined;
  #gone = false;
  #whenGone = (): void => {};
  /** Whether more of the body is to come than is worth waiting for. */
  #unread: boolean;
  /** Whether nothing is read from the connection. */
  #held = false;

  /**
   * Takes a request over from uWebSockets.js; `upgrading` where that takes it for the start of a WebSocket.
   */
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

  /** The client's network address. Must be asked for before anything is awaited; from then on it is known. */
  get address(): Address {
    this.#address ??= this.#network.clientAddress(
      addressOf(this.#response.getRemoteAddress()),
      this.head.forwardedFor,
    );
    return this.#address;
  }

  /**
   * For a request that changes something, once its body is here: resolves when all that has come with it was looked at, so that one
   * behind which something else has come that ends the connection (what is not well-formed, another request) is gone before anything
   * is begun. What comes later is not read before the answer is sent.
   */
  whole(): Promise<void> {
    if (!this.#gone) this.#hold();
    return turn();
  }

  #hold(): void {
    if (this.#held) return;
    this.#held = true;
    // Without it uWebSockets.js would think, as soon as the socket can be written, that a request is waited for, and cut it after 10 s.
    this.#response.onWritable(() => true);
    this.#response.pause();
  }

  /** Reads the body. Must be called before anything is awaited. Never rejects. */
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
   * Answers, unless the client is gone; `close`: as the last on its connection. `finished` is called once, when all is sent or nothing
   * more can be.
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
        // Only now: `cork` sends what was written when it ends.
        if (isSent) finished();
      }
    } catch (error) {
      // Half an answer would keep its client waiting.
      if (!this.#gone) this.#response.close();
      throw error;
    }
  }

  #writeHead(answer: HttpAnswer): void {
    // 200 is what it says by itself.
    if (answer.status !== 200) this.#response.writeStatus(statusLine(answer.status));
    this.#response.writeHeader('Content-Type', fieldsOf(answer, this.id));
  }

  /** Whether nothing of it is left to be sent; if something is, `finished` is called later. */
  #write(answer: HttpAnswer, close: boolean, finished: () => void): boolean {
    const { body, live, status } = answer;
    const isHead = this.head.method === 'HEAD';
    this.#writeHead(answer);
    if (live && !isHead) {
      this.#whenGone = streamOver(this.#response, live).closed;
    } else if (status === 304) {
      // Its length would be that of the body which the client has.
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

  /** Ends an answer whose body, of so many bytes, is not sent; see `Parting` for when it is the connection's last. */
  #endWithoutBody(bytes: number | undefined): void {
    const response = this.#response;
    if (bytes !== undefined) response.writeHeader('Content-Length', String(bytes));
    if (!this.#network.isParting()) {
      response.endWithoutBody();
      return;
    }
    response.writeHeader('Date', new Date().toUTCString());
    // With the line that ends the head: to uWebSockets.js the answer is unfinished, and a request behind it ends the connection.
    response.writeHeader('Connection', 'close\r\n');
    setImmediate(() => {
      if (!this.#gone) response.close();
    });
  }

  /**
   * From here on the response is a WebSocket, which `webSocketBehavior` handles. Never within `cork`: that looks afterwards, in memory
   * which the response has given back, whether its connection is to be closed, and now and then closes a WebSocket that has just been
   * opened (uWebSockets pull request 1929). After an `await` uWebSockets.js complains of it on stderr, once for every new login.
   */
  #upgrade(live: Live, key: string, context: us_socket_context_t): void {
    const response = this.#response;
    response.cork(() => response.writeStatus('101 Switching Protocols').writeHeader('X-Request-Id', this.id));
    response.upgrade<Attached>({ live }, key, '', '', context);
  }

  /**
   * Answers a request of which nobody knows where it ends, and cuts the connection before its rest is taken for another request.
   * `end(body, true)` is too late for that: it closes after the whole read was parsed, and a second request in it even lifts the
   * mark. So the answer is written by hand, as long as it takes to leave the cork buffer, and the socket is closed at once.
   */
  #cut(answer: HttpAnswer, finished: () => void): void {
    const response = this.#response;
    const body = String(answer.body).padEnd(CORK_BUFFER, ' ');
    this.#writeHead(answer);
    response.writeHeader('Connection', 'close');
    // Counted in bytes, with the line end that follows every header.
    response.writeHeader('Content-Length', `${Buffer.byteLength(body) + 2}\r\n\r\n${body}`);
    finished();
    response.close();
  }
}
