// XDR (RFC 4506) as libvirt uses it. There are two hazards. libvirtd truncates a string at a NUL byte, so
// "a\0b" would name another domain than the intended one; NUL is refused. And a received length may be wrong;
// every length has a limit.
import { type Reader, reader, type Writer, writer } from './cursor.ts';
import { InvalidArgument, ProtocolViolation } from './errors.ts';

/** Longest string in bytes (REMOTE_STRING_MAX of libvirt's remote_protocol.x). */
const STRING_MAX = 4_194_304;

/** How values of one type are encoded and decoded. */
export interface Codec<T> {
  write(to: Writer, value: T): void;
  read(from: Reader): T;
}

/** A signed 32-bit integer. */
export const int32: Codec<number> = { write: (to, value) => to.int32(value), read: from => from.int32() };
/** An unsigned 32-bit integer. */
export const uint32: Codec<number> = { write: (to, value) => to.uint32(value), read: from => from.uint32() };
/** An unsigned 64-bit integer (XDR: unsigned hyper). */
export const uint64: Codec<bigint> = { write: (to, value) => to.uint64(value), read: from => from.uint64() };

/** Zero bytes: the arguments or the result of a procedure that has none. */
export const nothing: Codec<void> = { write: () => undefined, read: () => undefined };

/** UTF-8 text of at most 4 MiB. Writing a longer one, NUL or a lone surrogate is an InvalidArgument. */
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

/**
 * Bytes in the type `char<>` of libvirt's protocol: XDR has no such array, so each takes four bytes on the
 * wire.
 */
export function chars(max: number): Codec<Buffer> {
  const codec = array(int32, max);
  return {
    write: (to, value) => codec.write(to, [...value]),
    read: from => Buffer.from(codec.read(from).map(byte => byte & 0xff)),
  };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A UUID: 16 raw bytes on the wire, text in lower case with dashes as a value. */
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

/** A list of at most `max` items; a longer one is an InvalidArgument or a ProtocolViolation. */
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

/** An object, encoded field by field in the order of `fields`. */
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

/** Encodes `value`. Throws InvalidArgument. */
export function encode<T>(codec: Codec<T>, value: T): Buffer {
  const to = writer();
  codec.write(to, value);
  return to.finish();
}

/** Decodes a value that takes exactly all of `bytes`. Throws ProtocolViolation. */
export function decode<T>(codec: Codec<T>, bytes: Buffer): T {
  const from = reader(bytes);
  const value = codec.read(from);
  if (from.remaining() > 0)
    throw new ProtocolViolation(`${from.remaining()} bytes left over after the value`);
  return value;
}
