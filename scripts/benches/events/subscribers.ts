// WebSocket clients reduced to what the bench needs: whole text frames of an event whose sequence is at a
// fixed place. A thousand real clients would leave the service no processor time.
import { connect, type Socket } from 'node:net';

/** The report of this process about the events that its clients received. */
export interface Received {
  readonly events: number;
  /** The number of events that did not follow the one before. */
  readonly gaps: number;
  /** When some of the subscribers received some events, in milliseconds since 1970. */
  readonly samples: readonly { readonly sequence: number; readonly at: number }[];
}

const [port = '', count = '1', query = ''] = process.argv.slice(2);
const EVENT = Buffer.from('{"specversion":"1.0","id":"');
const QUOTE = 0x22;
const ZERO = 0x30;
/** One of this many arrivals is recorded. */
const SAMPLED = 10;

let events = 0;
let gaps = 0;
let even = 0;
const gone = new Set<number>();
let target = Number.POSITIVE_INFINITY;
const sockets: Socket[] = [];
const samples: { sequence: number; at: number }[] = [];
const newest = new Array<number>(Number(count)).fill(0);

/** The sequence of an event; undefined for a control message. */
function sequenceIn(bytes: Buffer, start: number): number | undefined {
  if (bytes.compare(EVENT, 0, EVENT.length, start, start + EVENT.length) !== 0) return undefined;
  let sequence = 0;
  for (let at = start + EVENT.length; bytes[at] !== QUOTE; at += 1)
    sequence = sequence * 10 + (bytes[at] ?? 0) - ZERO;
  return sequence;
}

function take(client: number, sequence: number): void {
  const before = newest[client] ?? 0;
  if (before !== 0 && sequence !== before + 1) gaps += 1;
  newest[client] = sequence;
  events += 1;
  if (query === '' && client < 100 && (sequence + client) % SAMPLED === 0) {
    samples.push({ sequence, at: performance.timeOrigin + performance.now() });
  }
  if (sequence >= target) arrived();
}

function arrived(): void {
  even += 1;
  if (even === newest.length) report();
}

function report(): void {
  const outcome: Received = { events, gaps, samples };
  process.send?.(outcome);
}

/** An empty pong frame, masked with zeros. */
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

/** Handles whole frames; returns the rest, a part of the next frame. */
function frames(client: number, bytes: Buffer, socket: Socket): Buffer {
  let start = 0;
  for (;;) {
    if (bytes.length < start + 4) break;
    const short = (bytes[start + 1] ?? 0) & 0x7f;
    const head = short < 126 ? 2 : 4;
    const length = short < 126 ? short : bytes.readUInt16BE(start + 2);
    if (bytes.length < start + head + length) break;
    const sequence = bytes[start] === 0x81 ? sequenceIn(bytes, start + head) : undefined;
    if (sequence !== undefined) take(client, sequence);
    if (bytes[start] === 0x89) socket.write(PONG);
    start += head + length;
  }
  return Buffer.from(bytes.subarray(start));
}

function open(client: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1');
    let rest: Buffer | undefined;
    socket.once('error', reject);
    // A closed connection receives no more: the count shows that.
    socket.once('close', () => {
      if ((newest[client] ?? 0) >= target) return;
      gone.add(client);
      if (target !== Number.POSITIVE_INFINITY) arrived();
    });
    let head = Buffer.alloc(0);
    socket.on('data', data => {
      if (rest) {
        rest = frames(client, rest.length > 0 ? Buffer.concat([rest, data]) : data, socket);
        return;
      }
      head = Buffer.concat([head, data]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      if (!String(head).startsWith('HTTP/1.1 101')) reject(new Error(String(head)));
      rest = frames(client, head.subarray(end + 4), socket);
      resolve(socket);
    });
    const credentials = Buffer.from('bench:correct horse').toString('base64');
    const lines = [
      `GET /api/events${query} HTTP/1.1`,
      'Host: localhost',
      `Authorization: Basic ${credentials}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`,
    ];
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  });
}

process.on('message', (told: 'pause' | 'resume' | { last: number }) => {
  if (told === 'pause' || told === 'resume') {
    for (const socket of sockets) socket[told]();
    return;
  }
  target = told.last;
  even = newest.filter((sequence, client) => sequence >= target || gone.has(client)).length;
  if (even === newest.length) report();
});
for (let client = 0; client < newest.length; client += 1) sockets.push(await open(client));
if (query === '') process.send?.('open');
