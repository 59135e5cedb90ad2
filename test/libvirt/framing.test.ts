import test from 'ava';
import fc from 'fast-check';
import { ProtocolViolation } from '../../src/libvirt/errors.ts';
import { decodeMessage, encodeMessage, frameSplitter } from '../../src/libvirt/wire.ts';

const anyMessage = fc.record({
  program: fc.nat(0xffff_ffff),
  procedure: fc.integer(),
  type: fc.nat(6),
  serial: fc.nat(0xffff_ffff),
  status: fc.nat(2),
  payload: fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)),
});

function cut(bytes: Buffer, places: number[]): Buffer[] {
  const ends = [...new Set(places.map(place => place % (bytes.length + 1))), bytes.length];
  ends.sort((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
}

test('frames are complete and in order, however the stream is cut into chunks', t => {
  fc.assert(
    fc.property(
      fc.array(anyMessage, { maxLength: 10 }),
      fc.array(fc.nat(), { maxLength: 30 }),
      (messages, places) => {
        const split = frameSplitter();
        const chunks = cut(Buffer.concat(messages.map(encodeMessage)), places);
        t.deepEqual(chunks.flatMap(split).map(decodeMessage), messages);
      },
    ),
  );
});

test('a message that arrives byte by byte becomes one frame', t => {
  const frame = encodeMessage({
    program: 1,
    procedure: 2,
    type: 1,
    serial: 4,
    status: 0,
    payload: Buffer.from('four'),
  });
  const split = frameSplitter();
  const frames = [...frame].flatMap(byte => split(Buffer.of(byte)));
  t.deepEqual(frames, [frame]);
});

test('an impossible length is a ProtocolViolation as soon as it is read', t => {
  for (const length of [0, 27, 32 * 1024 * 1024 + 5, 0xffff_ffff]) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(length);
    t.throws(() => frameSplitter()(bytes), { instanceOf: ProtocolViolation });
  }
});

test('random bytes give frames or a ProtocolViolation, nothing else', t => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), chunks => {
      const split = frameSplitter();
      try {
        for (const chunk of chunks) split(Buffer.from(chunk)).map(decodeMessage);
      } catch (error) {
        if (!(error instanceof ProtocolViolation)) throw error;
      }
    }),
  );
  t.pass();
});

test('a large message in small chunks takes linear time', t => {
  const payload = Buffer.alloc(8 * 1024 * 1024);
  const frame = encodeMessage({ program: 1, procedure: 2, type: 1, serial: 4, status: 0, payload });
  const split = frameSplitter();
  const before = process.cpuUsage();
  let frames = 0;
  for (let at = 0; at < frame.length; at += 512) frames += split(frame.subarray(at, at + 512)).length;
  t.is(frames, 1);
  // Joining at each of the 16,384 chunks would copy 64 GiB.
  const { user, system } = process.cpuUsage(before);
  t.true(user + system < 5_000_000);
});
