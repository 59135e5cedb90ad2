// The two ways in which a stream leaves the process. uWebSockets.js queues whatever it is given: what bounds the queue is that we
// stop as soon as a client has HIGH_WATER bytes to take, and go on when it has taken them.
import type { HttpResponse, WebSocket, WebSocketBehavior } from 'uWebSockets.js';
import type { Control } from '../../events/control.ts';
import type { End, Sink, Subscription } from '../../events/streams.ts';
import { controlText } from '../text/control-text.ts';
import { eventText } from '../text/event-text.ts';

/** An answer that goes on: a WebSocket where the client asked for one, else Server-Sent Events. */
export interface Live {
  open(sink: Sink): Subscription;
  /** After how many seconds without a sign of life the client is taken for dead. */
  readonly idleSeconds: number;
}

/** What uWebSockets.js keeps with a WebSocket. */
export interface Attached {
  readonly live: Live;
  subscription?: Subscription;
}

const HIGH_WATER = 64 * 1024;

/** Close codes (RFC 6455, section 7.4: 4000 to 4999 are ours) and what they say. */
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
    // Never seen, for we stop long before; but what is lost must not be lost silently.
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
 * How WebSockets behave; their upgrade is a request like any other. Some seconds before `idleSeconds` (8 to 960) without a sign of life
 * are over a client is sent a ping, which any client answers that reads.
 */
export const webSocketBehavior = (
  idleSeconds: number,
): Pick<
  WebSocketBehavior<Attached>,
  'idleTimeout' | 'maxBackpressure' | 'maxPayloadLength' | 'open' | 'drain' | 'close'
> => ({
  idleTimeout: idleSeconds,
  // Only the pongs of a client that does not read come so far.
  maxBackpressure: 1024 * 1024,
  // Clients have nothing to say.
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

/** A message of an event stream (WHATWG HTML, section 9.2.6); `id` only where a client may resume after it. */
function frame(text: Buffer, id: number | undefined, name?: string): Buffer {
  const head = `${id === undefined ? '' : `id: ${id}\n`}${name ? `event: ${name}\n` : ''}data: `;
  return Buffer.concat([Buffer.from(head), text, Buffer.from('\n\n')]);
}

const resumable = (message: Control): number | undefined =>
  message.control === 'resync' || (message.control === 'snapshot' && !message.complete)
    ? undefined
    : message.sequence;

/** uWebSockets.js says of a write that fits its cork buffer, of 16 KiB, that it was taken, whatever the socket does. */
const TELLING = 17 * 1024;
const padding = Buffer.from(`:${' '.repeat(TELLING)}\n\n`);

/** uWebSockets.js cuts a response that has bytes to give and is rid of none for 10 to 14 s. This is how often it is kept from it. */
const RENEW_MS = 4000;

/** Keeps uWebSockets.js from cutting a response for some seconds and closes it then; the function that is answered ends both. */
function bearWith(response: HttpResponse, seconds: number): () => void {
  const end = performance.now() + seconds * 1000;
  const renewing = setInterval(() => {
    if (performance.now() < end) {
      // The one way to begin its time-out anew.
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
 * Streams over a response whose head is written. After every HIGH_WATER bytes a comment makes a write long enough to tell whether
 * the client keeps up.
 */
export function streamOver(response: HttpResponse, live: Live): Subscription {
  let over = false;
  let frames: Buffer[] = [];
  let size = 0;
  let untold = 0;
  let stopBearing = (): void => {};

  function add(bytes: Buffer): boolean {
    frames.push(bytes);
    size += bytes.length;
    return size < HIGH_WATER;
  }

  function flush(): boolean {
    if (over || size === 0) return !over;
    untold += size;
    if (untold > HIGH_WATER && size < TELLING) add(padding);
    if (size >= TELLING) untold = 0;
    const bytes = Buffer.concat(frames, size);
    frames = [];
    size = 0;
    let taken = true;
    response.cork(() => {
      taken = response.write(bytes);
    });
    if (!taken) {
      stopBearing();
      stopBearing = bearWith(response, live.idleSeconds);
    }
    return taken;
  }

  // A first byte, so that the client sees at once that it is connected.
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
      stopBearing();
      // Not as the connection's last: uWebSockets.js would write that header field behind the body.
      response.cork(() => response.end());
    },
  });
  response.onWritable(() => {
    stopBearing();
    subscription.writable();
    return true;
  });
  return {
    writable: subscription.writable,
    closed() {
      over = true;
      stopBearing();
      subscription.closed();
    },
  };
}
