// Messages of libvirt's RPC (virnetprotocol.x): a length of 4 bytes that counts itself, a header of six
// 32-bit words, and the payload.
import { LibvirtError, ProtocolViolation } from './errors.ts';
import { type Codec, decode, int32, nullable, struct, text, uuid } from './xdr.ts';

/** The program with the procedures of libvirt's API. */
export const PROGRAM_REMOTE = 0x2000_8086;
/** The program for keepalive: "keep" in ASCII. */
export const PROGRAM_KEEPALIVE = 0x6b65_6570;
export const KEEPALIVE_PING = 1;
export const KEEPALIVE_PONG = 2;

export const TYPE_CALL = 0;
export const TYPE_REPLY = 1;
/** Events and keepalive, in both directions. */
export const TYPE_MESSAGE = 2;

export const STATUS_OK = 0;
export const STATUS_ERROR = 1;

const VERSION = 1;
const HEADER_BYTES = 28;
/** Longest frame in bytes. libvirt's limit VIR_NET_MESSAGE_MAX, 32 MiB, does not count the length word. */
const MESSAGE_MAX = 32 * 1024 * 1024 + 4;

/** One decoded message. */
export interface Message {
  program: number;
  procedure: number;
  type: number;
  serial: number;
  status: number;
  payload: Buffer;
}

/** The frame of a message. */
export function encodeMessage(message: Message): Buffer {
  const frame = Buffer.alloc(HEADER_BYTES + message.payload.length);
  frame.writeUInt32BE(frame.length, 0);
  frame.writeUInt32BE(message.program, 4);
  frame.writeUInt32BE(VERSION, 8);
  frame.writeInt32BE(message.procedure, 12);
  frame.writeUInt32BE(message.type, 16);
  frame.writeUInt32BE(message.serial, 20);
  frame.writeUInt32BE(message.status, 24);
  message.payload.copy(frame, HEADER_BYTES);
  return frame;
}

/** Decodes one complete frame of `frameSplitter`. Throws ProtocolViolation for another protocol version. */
export function decodeMessage(frame: Buffer): Message {
  const version = frame.readUInt32BE(8);
  if (version !== VERSION) throw new ProtocolViolation(`protocol version ${version}`);
  return {
    program: frame.readUInt32BE(4),
    procedure: frame.readInt32BE(12),
    type: frame.readUInt32BE(16),
    serial: frame.readUInt32BE(20),
    status: frame.readUInt32BE(24),
    payload: frame.subarray(HEADER_BYTES),
  };
}

/** The frame of a keepalive message; `procedure`: KEEPALIVE_PING or KEEPALIVE_PONG. */
export function keepaliveMessage(procedure: number): Buffer {
  return encodeMessage({
    program: PROGRAM_KEEPALIVE,
    procedure,
    type: TYPE_MESSAGE,
    serial: 0,
    status: STATUS_OK,
    payload: Buffer.alloc(0),
  });
}

/**
 * Splits a byte stream into frames. The returned function takes the next chunk of any length and returns the
 * frames that it completes. It throws ProtocolViolation for a length outside the limits, and must not be
 * called after that.
 */
export function frameSplitter(): (chunk: Buffer) => Buffer[] {
  let chunks: Buffer[] = [];
  let held = 0;

  function join(): Buffer {
    const whole = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
    chunks = [whole];
    return whole;
  }

  let wanted = 4;
  return chunk => {
    chunks.push(chunk);
    held += chunk.length;
    const frames: Buffer[] = [];
    // Joining only complete frames keeps a large frame in many small chunks linear in time.
    while (held >= wanted) {
      const whole = join();
      const length = whole.readUInt32BE(0);
      if (length < HEADER_BYTES || length > MESSAGE_MAX) {
        throw new ProtocolViolation(
          `message length ${length}, allowed are ${HEADER_BYTES} to ${MESSAGE_MAX}`,
        );
      }
      wanted = length;
      if (held < wanted) break;
      frames.push(whole.subarray(0, length));
      chunks = [whole.subarray(length)];
      held -= length;
      wanted = 4;
    }
    return frames;
  };
}

interface WireError {
  code: number;
  domain: number;
  message: string | null;
  level: number;
  dom: { name: string; uuid: string; id: number } | null;
  str1: string | null;
  str2: string | null;
  str3: string | null;
  int1: number;
  int2: number;
  net: { name: string; uuid: string } | null;
}

/** The codec of remote_error, the payload of a reply with status ERROR. */
export const wireError: Codec<WireError> = struct<WireError>({
  code: int32,
  domain: int32,
  message: nullable(text),
  level: int32,
  dom: nullable(struct({ name: text, uuid, id: int32 })),
  str1: nullable(text),
  str2: nullable(text),
  str3: nullable(text),
  int1: int32,
  int2: int32,
  net: nullable(struct({ name: text, uuid })),
});

/** Decodes the payload of a reply with status ERROR. Throws ProtocolViolation. */
export function decodeError(payload: Buffer): LibvirtError {
  const error = decode(wireError, payload);
  return new LibvirtError(error.message ?? `libvirt error ${error.code}`, {
    code: error.code,
    domain: error.domain,
    int1: error.int1,
    ...(error.str1 === null ? {} : { str1: error.str1 }),
  });
}
