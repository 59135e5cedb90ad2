// Every error here says in `outcomeUnknown` whether libvirt may have executed the call: a change whose answer
// was lost has not necessarily failed, and only the state of the domain shows whether it has.

/** libvirt's error answer: it received the call and refused it, or the call failed. */
export class LibvirtError extends Error {
  override readonly name = 'LibvirtError';
  readonly outcomeUnknown = false;
  /** virErrorNumber of libvirt's virterror.h; see ERROR in constants.ts. */
  readonly code: number;
  /** virErrorDomain: the part of libvirt that reports the error. */
  readonly domain: number;
  /** The untranslated format string of the message, if libvirt sends it. */
  readonly str1: string | undefined;
  /** errno when code is 38, else -1. */
  readonly int1: number;

  constructor(message: string, fields: { code: number; domain: number; str1?: string; int1?: number }) {
    super(message);
    this.code = fields.code;
    this.domain = fields.domain;
    this.str1 = fields.str1;
    this.int1 = fields.int1 ?? -1;
  }
}

/** The connection ended before the answer arrived. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
  /** True if the request had been sent: libvirt may have executed it. */
  readonly outcomeUnknown: boolean;

  constructor(message: string, options: { outcomeUnknown: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.outcomeUnknown = options.outcomeUnknown;
  }
}

/**
 * The time-out of the call has passed. libvirt cannot cancel a call: it may still execute one that was sent.
 */
export class CallTimeout extends Error {
  override readonly name = 'CallTimeout';
  readonly outcomeUnknown: boolean;

  constructor(message: string, options: { outcomeUnknown: boolean }) {
    super(message);
    this.outcomeUnknown = options.outcomeUnknown;
  }
}

/** The caller aborted its signal; `cause` is its reason. libvirt may still execute a sent call. */
export class CallAborted extends Error {
  override readonly name = 'AbortError';
  readonly outcomeUnknown: boolean;

  constructor(message: string, options: { outcomeUnknown: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.outcomeUnknown = options.outcomeUnknown;
  }
}

/** The link has no connection and could not open one; `cause` is the error of the last attempt. */
export class NodeUnreachable extends Error {
  override readonly name = 'NodeUnreachable';
  readonly outcomeUnknown = false;
}

/** The server broke the protocol. The connection is then closed. */
export class ProtocolViolation extends Error {
  override readonly name = 'ProtocolViolation';
  /** The call was answered, but the answer cannot be decoded. */
  readonly outcomeUnknown = true;
}

/** An argument that cannot be encoded; nothing was sent. */
export class InvalidArgument extends Error {
  override readonly name = 'InvalidArgument';
  readonly outcomeUnknown = false;
}

/** A URI, an authentication method or a daemon that this client does not support; the message says why. */
export class Unsupported extends Error {
  override readonly name = 'Unsupported';
  readonly outcomeUnknown = false;
}

/** The transport did not get through to the daemon: the message says which file or which side refused. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly outcomeUnknown = false;
}

/** Whether libvirt may have executed the call that failed with `error`. */
export function isOutcomeUnknown(error: unknown): boolean {
  return error instanceof Error && 'outcomeUnknown' in error && error.outcomeUnknown === true;
}
