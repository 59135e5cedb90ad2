// Sequential writing and reading of XDR's basic items: big-endian, each padded to four bytes (RFC 4506).
import { InvalidArgument, ProtocolViolation } from './errors.ts';

/** A growing buffer of big-endian items, each padded to four bytes. */
export interface Writer {
  int32(value: number): void;
  uint32(value: number): void;
  uint64(value: bigint): void;
  /** Raw bytes and their padding, without a length. */
  bytes(value: Uint8Array): void;
  /** The bytes written so far. */
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
