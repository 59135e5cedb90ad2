// Every error of this library says whether the call it belongs to may have been executed all the same: a change whose
// answer was lost is not a change that failed, and only the machine itself can tell which it was.

/** What libvirt answered: the call was received, judged and refused. */
export class LibvirtError extends Error {
  override readonly name = 'LibvirtError';
  readonly outcomeUnknown = false;
  /** virErrorNumber of libvirt's virterror.h; see ERROR in constants.ts. */
  readonly code: number;
  /** virErrorDomain: which part of libvirt speaks. */
  readonly domain: number;
  /** The untranslated format of the message, where libvirt gives one. */
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

/** The connection ended before the answer came. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
  /** True if the request had been written: libvirt may have executed it. */
  readonly outcomeUnknown: boolean;

  constructor(message: string, options: { outcomeUnknown: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.outcomeUnknown = options.outcomeUnknown;
  }
}

/** The caller's deadline passed. libvirt has no cancel: a request that was written may still be executed later. */
export class CallTimeout extends Error {
  override readonly name = 'CallTimeout';
  readonly outcomeUnknown: boolean;

  constructor(message: string, options: { outcomeUnknown: boolean }) {
    super(message);
    this.outcomeUnknown = options.outcomeUnknown;
  }
}

/** The caller's AbortSignal fired; `cause` is the signal's reason. As with a timeout, libvirt is not stopped by it. */
export class CallAborted extends Error {
  override readonly name = 'AbortError';
  readonly outcomeUnknown: boolean;

  constructor(message: string, options: { outcomeUnknown: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.outcomeUnknown = options.outcomeUnknown;
  }
}

/** The link has no connection now and could not make one; `cause` is the last attempt's error. */
export class NodeUnreachable extends Error {
  override readonly name = 'NodeUnreachable';
  readonly outcomeUnknown = false;
}

/** The other side sent what the protocol does not allow. The connection is closed when this happens. */
export class ProtocolViolation extends Error {
  override readonly name = 'ProtocolViolation';
  /** A call that fails with this was answered, but nobody can say what. */
  readonly outcomeUnknown = true;
}

/** An argument that cannot be put on the wire; nothing was sent. */
export class InvalidArgument extends Error {
  override readonly name = 'InvalidArgument';
  readonly outcomeUnknown = false;
}

/** A URI, a way of authentication or a daemon that this client does not speak to; the message says why. */
export class Unsupported extends Error {
  override readonly name = 'Unsupported';
  readonly outcomeUnknown = false;
}

/** Whether the request behind `error` may have been executed although it failed for the caller. */
export function isOutcomeUnknown(error: unknown): boolean {
  return error instanceof Error && 'outcomeUnknown' in error && error.outcomeUnknown === true;
}
