import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'ava';
import { basic } from '../../testkit/http.ts';
import { eventSite } from './support/site.ts';

const MIB = 2 ** 20;
const PAYLOAD = 125;
/**
 * So many that the kernel's buffers for a client that does not read (tcp_wmem and tcp_rmem) hold only a small
 * part of the answers.
 */
const PINGS = 300_000;

/** WebSocket pings with their number as payload, masked with zeros. */
function pings(first: number, count: number): Buffer {
  const frames = Buffer.alloc(count * (6 + PAYLOAD));
  for (let index = 0; index < count; index += 1) {
    const at = index * (6 + PAYLOAD);
    frames.writeUInt16BE(0x8980 | PAYLOAD, at);
    frames.writeUInt32BE(first + index, at + 6);
  }
  return frames;
}

test('a WebSocket that sends pings and reads nothing costs a few MiB at most', async t => {
  const site = await eventSite(t);
  const { port } = new URL(site.url);
  const socket = connect(Number(port), '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.write(
    `GET /api/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${basic('admin')}\r\nConnection: Upgrade\r\n` +
      'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  const [head] = await once(socket, 'data');
  t.regex(String(head), /^HTTP\/1.1 101 /);
  socket.pause();

  for (let sent = 0; sent < PINGS; sent += 1000) {
    if (!socket.write(pings(sent, 1000))) await once(socket, 'drain');
  }

  // The pongs up to the first missing one.
  let rest = Buffer.alloc(0);
  let next: number | undefined;
  let owed = 0;
  const gap = new Promise<void>(resolve => {
    socket.on('data', bytes => {
      // A ping that is answered as soon as there is room again.
      socket.write(pings(PINGS, 1));
      rest = Buffer.concat([rest, bytes]);
      while (rest.length >= 2 + PAYLOAD) {
        const isPong = rest[0] === 0x8a;
        const frame =
          2 + (isPong ? PAYLOAD : ((rest[1] ?? 0) & 127) === 126 ? 2 + rest.readUInt16BE(2) : (rest[1] ?? 0));
        if (rest.length < frame) return;
        if (isPong) {
          const number = rest.readUInt32BE(2);
          if (next !== undefined && number !== next) resolve();
          else owed += frame;
          next = number + 1;
        }
        rest = rest.subarray(frame);
      }
    });
  });
  socket.resume();
  await gap;
  t.true(owed < 12 * MIB, `${owed} bytes`);
});
