// The two transports of event streams: WebSockets and Server-Sent Events. The send queue of uWebSockets.js
// has no bound of its own: sending stops as soon as HIGH_WATER bytes are queued for a client, and goes on
// when they are sent.
import type { HttpResponse, WebSocket, WebSocketBehavior } from 'uWebSockets.js';
import type { Control } from '../../events/control.ts';
import type { End, Sink, Subscription } from '../../events/streams.ts';
import { controlText } from '../text/control-text.ts';
import { eventText } from '../text/event-text.ts';

/** An answer without an end: a WebSocket where the client asked for one, else Server-Sent Events. */
export interface Live {
  open(sink: Sink): Subscription;
  /** Seconds without a sign of life after which the client is considered dead; 8 to 960. */
  readonly idleSeconds: number;
}

/** The user data of a WebSocket in uWebSockets.js. */
export interface Attached {
  readonly live: Live;
  subscription?: Subscription;
}

/** Bytes queued for a client at which sending stops. */
const HIGH_WATER = 64 * 1024;

/** Close code and reason by the cause of the end (RFC 6455, section 7.4: applications have 4000 to 4999). */
const closes: Readonly<Record<End, readonly [code: number, reason: string]>> = {
  stopping: [1001, 'pdisk stops; resume when it is back'],
  fault: [1011, 'something went wrong inside pdisk; resume'],
  account: [4401, 'the account has ended or was changed'],
  history: [4410, 'too slow: the next event is no longer in the log'],
  limit: [4429, 'this account has too many event streams open'],
};

function webSocketSink(socket: WebSocket<Attached>): Sink {
  const DROPPED = 2;
  let open = true;

  function send(text: Buffer): boolean {
    if (!open) return false;
    const outcome = socket.send(text);
    if (outcome === 1) return true;
    // Does not happen, as sending stops long before. If it did, the stream must end instead of having a gap.
    if (outcome === DROPPED) {
      open = false;
      socket.close();
      return false;
    }
    return socket.getBufferedAmount() < HIGH_WATER;
  }

  return {
    together(write) {
      socket.cork(write);
      return open && socket.getBufferedAmount() < HIGH_WATER;
    },
    event: (event, sight) => send(eventText(event, sight)),
    control: message => send(controlText(message)),
    end(why) {
      open = false;
      socket.end(...closes[why]);
    },
  };
}

/**
 * Handlers and limits of WebSockets; their upgrade is handled like any other request. Some seconds before
 * `idleSeconds` (8 to 960) without a sign of life have passed, uWebSockets.js sends a ping, which every
 * client answers that reads.
 */
export const webSocketBehavior = (
  idleSeconds: number,
): Pick<
  WebSocketBehavior<Attached>,
  'idleTimeout' | 'maxBackpressure' | 'maxPayloadLength' | 'open' | 'drain' | 'close'
> => ({
  idleTimeout: idleSeconds,
  // Only pongs to a client that does not read its socket can reach this.
  maxBackpressure: 1024 * 1024,
  // Clients have no messages to send.
  maxPayloadLength: 1024,
  open(socket) {
    const data = socket.getUserData();
    data.subscription = data.live.open(webSocketSink(socket));
  },
  drain(socket) {
    if (socket.getBufferedAmount() < HIGH_WATER) socket.getUserData().subscription?.writable();
  },
  close(socket) {
    socket.getUserData().subscription?.closed();
  },
});

/** A message of an event stream (WHATWG HTML, section 9.2.6). `id`: a client may resume after it. */
function frame(text: Buffer, id: number | undefined, name?: string): Buffer {
  const head = `${id === undefined ? '' : `id: ${id}\n`}${name ? `event: ${name}\n` : ''}data: `;
  return Buffer.concat([Buffer.from(head), text, Buffer.from('\n\n')]);
}

/** The sequence after which a client may resume; undefined before a snapshot is complete. */
const resumable = (message: Control): number | undefined =>
  message.control === 'resync' || (message.control === 'snapshot' && !message.complete)
    ? undefined
    : message.sequence;

/**
 * uWebSockets.js reports every write that fits its cork buffer, of 16 KiB, as taken. Only a longer write
 * reports whether the socket took it.
 */
const MIN_REPORTED_WRITE = 17 * 1024;
const padding = Buffer.from(`:${' '.repeat(MIN_REPORTED_WRITE)}\n\n`);

/**
 * uWebSockets.js closes a response with queued bytes that sends none for 10 to 14 s: its timer is restarted.
 */
const RENEW_MS = 4000;

/**
 * Restarts the time-out of uWebSockets.js for a response for `seconds`, then closes the response. The
 * function that is returned stops both.
 */
function extendTimeout(response: HttpResponse, seconds: number): () => void {
  const end = performance.now() + seconds * 1000;
  const renewing = setInterval(() => {
    if (performance.now() < end) {
      // The only way to restart its time-out.
      response.pause();
      response.resume();
    } else {
      clearInterval(renewing);
      response.close();
    }
  }, RENEW_MS);
  return () => clearInterval(renewing);
}

/**
 * Streams over a response whose head is written. After every HIGH_WATER bytes a comment makes a write long
 * enough to report whether the client keeps up.
 */
export function streamOver(response: HttpResponse, live: Live): Subscription {
  let over = false;
  let frames: Buffer[] = [];
  let size = 0;
  let unreported = 0;
  let stopExtending = (): void => {};

  function add(bytes: Buffer): boolean {
    frames.push(bytes);
    size += bytes.length;
    return size < HIGH_WATER;
  }

  function flush(): boolean {
    if (over || size === 0) return !over;
    unreported += size;
    if (unreported > HIGH_WATER && size < MIN_REPORTED_WRITE) add(padding);
    if (size >= MIN_REPORTED_WRITE) unreported = 0;
    const bytes = Buffer.concat(frames, size);
    frames = [];
    size = 0;
    let taken = true;
    response.cork(() => {
      taken = response.write(bytes);
    });
    if (!taken) {
      stopExtending();
      stopExtending = extendTimeout(response, live.idleSeconds);
    }
    return taken;
  }

  // A first comment, so that the client sees at once that it is connected.
  add(Buffer.from(':\n\n'));
  flush();
  const subscription = live.open({
    together(write) {
      write();
      return flush();
    },
    event: (event, sight) => add(frame(eventText(event, sight), event.sequence)),
    control: message => add(frame(controlText(message), resumable(message), 'control')),
    end() {
      over = true;
      stopExtending();
      // Without closing the connection: uWebSockets.js would write that header field after the body.
      response.cork(() => response.end());
    },
  });
  response.onWritable(() => {
    stopExtending();
    subscription.writable();
    return true;
  });
  return {
    writable: subscription.writable,
    closed() {
      over = true;
      stopExtending();
      subscription.closed();
    },
  };
}
