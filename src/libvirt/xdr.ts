// XDR (RFC 4506) as libvirt uses it. Two hazards shaped this file: libvirtd cuts a string at a NUL byte, so that
// "a\0b" names another machine than the one asked for; and every length that arrives is a claim of the other side.
import { InvalidArgument, ProtocolViolation } from './errors.ts';

/** Longest string in bytes (REMOTE_STRING_MAX of libvirt's remote_protocol.x). */
const STRING_MAX = 4_194_304;

/** How one type is written to and read from the wire. */
export interface Codec<T> {
  write(to: Writer, value: T): void;
  read(from: Reader): T;
}

/** A growing buffer of big-endian items, each padded to four bytes. */
export interface Writer {
  int32(value: number): void;
  uint32(value: number): void;
  uint64(value: bigint): void;
  /** Raw bytes and their padding, without a length. */
  bytes(value: Uint8Array): void;
  finish(): Buffer;
}

/** A cursor over received bytes; reading past the end throws ProtocolViolation. */
export interface Reader {
  int32(): number;
  uint32(): number;
  uint64(): bigint;
  /** `length` raw bytes; skips their padding. The result shares memory with the message. */
  bytes(length: number): Buffer;
  /** Bytes not read yet. */
  remaining(): number;
}

const padding = (length: number) => (4 - (length % 4)) % 4;

function assertInteger(value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new InvalidArgument(`${value} is not an integer from ${min} to ${max}`);
  }
}

/** An empty writer. */
export function writer(): Writer {
  let buffer = Buffer.alloc(256);
  let length = 0;
  function reserve(bytes: number): number {
    const at = length;
    length += bytes;
    if (length > buffer.length) {
      const larger = Buffer.alloc(Math.max(length, buffer.length * 2));
      buffer.copy(larger, 0, 0, at);
      buffer = larger;
    }
    return at;
  }
  return {
    int32(value) {
      assertInteger(value, -0x8000_0000, 0x7fff_ffff);
      const at = reserve(4);
      buffer.writeInt32BE(value, at);
    },
    uint32(value) {
      assertInteger(value, 0, 0xffff_ffff);
      const at = reserve(4);
      buffer.writeUInt32BE(value, at);
    },
    uint64(value) {
      if (value < 0n || value > 0xffff_ffff_ffff_ffffn) {
        throw new InvalidArgument(`${value} is not an unsigned 64-bit integer`);
      }
      const at = reserve(8);
      buffer.writeBigUInt64BE(value, at);
    },
    bytes(value) {
      const at = reserve(value.length + padding(value.length));
      buffer.set(value, at);
    },
    finish: () => buffer.subarray(0, length),
  };
}

/** A reader over `buffer`. */
export function reader(buffer: Buffer): Reader {
  let at = 0;
  function take(bytes: number): number {
    const from = at;
    if (bytes > buffer.length - from) {
      throw new ProtocolViolation(`message ends ${from + bytes - buffer.length} bytes too early`);
    }
    at += bytes;
    return from;
  }
  return {
    int32: () => buffer.readInt32BE(take(4)),
    uint32: () => buffer.readUInt32BE(take(4)),
    uint64: () => buffer.readBigUInt64BE(take(8)),
    bytes(length) {
      const from = take(length + padding(length));
      return buffer.subarray(from, from + length);
    },
    remaining: () => buffer.length - at,
  };
}

export const int32: Codec<number> = { write: (to, value) => to.int32(value), read: from => from.int32() };
export const uint32: Codec<number> = { write: (to, value) => to.uint32(value), read: from => from.uint32() };
export const uint64: Codec<bigint> = { write: (to, value) => to.uint64(value), read: from => from.uint64() };

/** No bytes at all: the arguments or the result of a procedure that has none. */
export const nothing: Codec<void> = { write: () => undefined, read: () => undefined };

/** UTF-8 text. Writing refuses NUL, lone surrogates and more than 4 MiB (InvalidArgument). */
export const text: Codec<string> = {
  write(to, value) {
    if (value.includes('\0')) throw new InvalidArgument('text contains a NUL');
    if (/\p{Surrogate}/u.test(value)) throw new InvalidArgument('text contains a lone surrogate');
    const bytes = Buffer.from(value, 'utf8');
    if (bytes.length > STRING_MAX) throw new InvalidArgument(`text is longer than ${STRING_MAX} bytes`);
    to.uint32(bytes.length);
    to.bytes(bytes);
  },
  read(from) {
    const length = from.uint32();
    if (length > STRING_MAX) throw new ProtocolViolation(`string of ${length} bytes`);
    return from.bytes(length).toString('utf8');
  },
};

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A UUID: 16 raw bytes there, lower-case text with dashes here. */
export const uuid: Codec<string> = {
  write(to, value) {
    if (!UUID.test(value)) throw new InvalidArgument(`${JSON.stringify(value)} is not a UUID`);
    to.bytes(Buffer.from(value.replaceAll('-', ''), 'hex'));
  },
  read(from) {
    const hex = from.bytes(16).toString('hex');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  },
};

/** A value that may be absent (an XDR pointer). */
export function nullable<T>(codec: Codec<T>): Codec<T | null> {
  return {
    write(to, value) {
      to.uint32(value === null ? 0 : 1);
      if (value !== null) codec.write(to, value);
    },
    read(from) {
      const present = from.uint32();
      if (present > 1) throw new ProtocolViolation(`${present} where 0 or 1 must be`);
      return present === 1 ? codec.read(from) : null;
    },
  };
}

/** A list of at most `max` items. */
export function array<T>(codec: Codec<T>, max: number): Codec<T[]> {
  return {
    write(to, values) {
      if (values.length > max) throw new InvalidArgument(`list of ${values.length} items, at most ${max}`);
      to.uint32(values.length);
      for (const value of values) codec.write(to, value);
    },
    read(from) {
      const count = from.uint32();
      if (count > max) throw new ProtocolViolation(`list of ${count} items, at most ${max}`);
      return Array.from({ length: count }, () => codec.read(from));
    },
  };
}

/** Named fields, on the wire in the order in which they are given. */
export function struct<T extends object>(fields: { [K in keyof T]: Codec<T[K]> }): Codec<T> {
  const names = Object.keys(fields) as (keyof T)[];
  return {
    write(to, value) {
      for (const name of names) fields[name].write(to, value[name]);
    },
    read(from) {
      const value: Partial<T> = {};
      for (const name of names) value[name] = fields[name].read(from);
      return value as T;
    },
  };
}

/** `value` as bytes; throws InvalidArgument. */
export function encode<T>(codec: Codec<T>, value: T): Buffer {
  const to = writer();
  codec.write(to, value);
  return to.finish();
}

/** The value that fills `bytes` exactly; throws ProtocolViolation. */
export function decode<T>(codec: Codec<T>, bytes: Buffer): T {
  const from = reader(bytes);
  const value = codec.read(from);
  if (from.remaining() > 0)
    throw new ProtocolViolation(`${from.remaining()} bytes left over after the value`);
  return value;
}
