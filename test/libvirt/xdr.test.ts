import test from 'ava';
import fc from 'fast-check';
import { InvalidArgument, ProtocolViolation } from '../../src/libvirt/errors.ts';
import { decodeEvent } from '../../src/libvirt/events.ts';
import { procedures } from '../../src/libvirt/procedures.ts';
import * as wire from '../../src/libvirt/wire.ts';
import {
  array,
  type Codec,
  decode,
  encode,
  int32,
  nullable,
  struct,
  text,
  uint32,
  uint64,
  uuid,
} from '../../src/libvirt/xdr.ts';

const anyText = fc.string({ unit: 'binary' }).filter(value => !value.includes('\0'));

const record = struct({
  name: text,
  id: uuid,
  signed: int32,
  unsigned: uint32,
  large: uint64,
  maybe: nullable(text),
  list: array(struct({ inner: text }), 20),
});

const anyRecord = fc.record({
  name: anyText,
  id: fc.uuid(),
  signed: fc.integer(),
  unsigned: fc.nat(0xffff_ffff),
  large: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  maybe: fc.option(anyText),
  list: fc.array(fc.record({ inner: anyText }), { maxLength: 20 }),
});

test('a value is decoded as it was encoded, in a multiple of four bytes', t => {
  fc.assert(
    fc.property(anyRecord, value => {
      const bytes = encode(record, value);
      t.is(bytes.length % 4, 0);
      t.deepEqual(decode(record, bytes), value);
    }),
  );
});

test('a truncated value and bytes left over are a ProtocolViolation', t => {
  fc.assert(
    fc.property(anyRecord, fc.nat(), (value, at) => {
      const bytes = encode(record, value);
      t.throws(() => decode(record, bytes.subarray(0, at % bytes.length)), { instanceOf: ProtocolViolation });
      t.throws(() => decode(record, Buffer.concat([bytes, Buffer.alloc(4)])), {
        instanceOf: ProtocolViolation,
      });
    }),
  );
});

test('for every codec of received data, random bytes give a value or a ProtocolViolation', t => {
  const codecs: Codec<unknown>[] = [
    wire.wireError,
    ...Object.values(procedures).map(({ result }) => result),
  ] as never;
  const isValueOrViolation = (read: () => unknown) => {
    try {
      read();
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
    }
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...codecs), (bytes, codec) => {
      isValueOrViolation(() => decode(codec, Buffer.from(bytes)));
      for (const procedure of [318, 333, 354, 367]) {
        isValueOrViolation(() => decodeEvent(procedure, Buffer.from(bytes)));
      }
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test('text with a NUL and text with a lone surrogate are refused', t => {
  for (const bad of ['a\0b', '\ud800', 'a\udc00b']) {
    t.throws(() => encode(text, bad), { instanceOf: InvalidArgument });
  }
  t.notThrows(() => encode(text, '\u{1f4be} ünïcode'));
});

test('a length or a count above its limit is refused before anything is allocated', t => {
  const huge = Buffer.alloc(8, 0xff);
  t.throws(() => decode(text, huge), { instanceOf: ProtocolViolation, message: /4294967295/ });
  t.throws(() => decode(array(int32, 10), huge), { instanceOf: ProtocolViolation, message: /4294967295/ });
  t.throws(() => encode(array(int32, 1), [1, 2]), { instanceOf: InvalidArgument });
  t.throws(() => decode(nullable(int32), huge), { instanceOf: ProtocolViolation });
});

test('numbers that do not fit are refused', t => {
  for (const [codec, bad] of [
    [int32, 2 ** 31],
    [int32, 1.5],
    [int32, Number.NaN],
    [uint32, -1],
    [uint32, 2 ** 32],
  ] as const) {
    t.throws(() => encode(codec, bad), { instanceOf: InvalidArgument });
  }
  for (const bad of [-1n, 2n ** 64n]) t.throws(() => encode(uint64, bad), { instanceOf: InvalidArgument });
});

test('a UUID is read as text in lower case with dashes, and only a complete one can be written', t => {
  const upper = '00112233-4455-6677-8899-AABBCCDDEEFF';
  t.is(decode(uuid, encode(uuid, upper)), upper.toLowerCase());
  for (const bad of ['', '00112233', '00112233445566778899aabbccddeeff', `${upper}0`]) {
    t.throws(() => encode(uuid, bad), { instanceOf: InvalidArgument });
  }
});
