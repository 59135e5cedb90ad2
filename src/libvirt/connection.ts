// The traffic of one connection over any duplex stream: messages out, messages in, and its end.
import type { Duplex } from 'node:stream';
import { type Answerable, calls } from './calls.ts';
import { ERROR } from './constants.ts';
import type { CallOptions, DomainEvent } from './domain.ts';
import { ConnectionLost, ProtocolViolation } from './errors.ts';
import { decodeEvent } from './events.ts';
import { type KeepaliveSettings, keepalive } from './keepalive.ts';
import { outbox } from './outbox.ts';
import { type Procedure, procedures } from './procedures.ts';
import {
  decodeError,
  decodeMessage,
  frameSplitter,
  KEEPALIVE_PING,
  KEEPALIVE_PONG,
  keepaliveMessage,
  type Message,
  PROGRAM_KEEPALIVE,
  PROGRAM_REMOTE,
  STATUS_ERROR,
  STATUS_OK,
  TYPE_MESSAGE,
  TYPE_REPLY,
} from './wire.ts';
import { decode } from './xdr.ts';

/** How long close() waits for the answer to connectClose before it ends the stream, in milliseconds. */
const CLOSE_TIMEOUT_MS = 1000;

/** The settings of a connection. */
export interface ConnectionOptions {
  /** Time-out of a call that has none of its own, in milliseconds. */
  callTimeoutMs: number;
  /** false: send no PINGs. PINGs of the server are always answered. */
  keepalive: KeepaliveSettings | false;
  onEvent(event: DomainEvent): void;
}

/** Counters of received messages that could not be used. */
export interface Dropped {
  /** Replies whose serial is not that of a call in flight. */
  replies: number;
  /** Messages of programs or procedures that this client does not know. */
  messages: number;
}

/** An open stream on which procedures can be called. */
export interface Connection {
  /**
   * Rejects with LibvirtError, ConnectionLost, CallTimeout, CallAborted, InvalidArgument or
   * ProtocolViolation.
   */
  call<Args, Result>(procedure: Procedure<Args, Result>, args: Args, options?: CallOptions): Promise<Result>;
  /** Resolves with the reason as soon as every further call would fail; never rejects. */
  readonly ended: Promise<Error>;
  readonly dropped: Readonly<Dropped>;
  /**
   * Calls connectClose, then ends the stream; resolves when it has closed. Waiting calls get ConnectionLost.
   */
  close(): Promise<void>;
  /** Ends the stream at once. */
  destroy(reason: Error): void;
}

/** A connection over `stream`, which must be connected and have finished any handshake of its transport. */
export function connectionOver(stream: Duplex, options: ConnectionOptions): Connection {
  const dropped: Dropped = { replies: 0, messages: 0 };
  const split = frameSplitter();
  let reason: Error | undefined;
  let tellEnd: (reason: Error) => void = () => {};
  const ended = new Promise<Error>(resolve => {
    tellEnd = resolve;
  });
  let closing: Promise<void> | undefined;

  const waiting = calls({
    timeoutMs: options.callTimeoutMs,
    ready: () => out.pump(),
    abandoned() {
      if (waiting.stuck()) end(new Error('libvirt leaves every call unanswered'));
    },
  });

  const out = outbox(stream, () => (reason ? undefined : waiting.next()));
  const alive =
    options.keepalive === false
      ? undefined
      : keepalive(options.keepalive, {
          ping: () => out.urgent(keepaliveMessage(KEEPALIVE_PING)),
          dead: () => end(new Error('no sign of life from libvirt')),
        });

  function end(cause: Error): void {
    if (reason) return;
    reason = cause;
    alive?.stop();
    tellEnd(cause);
    waiting.fail(cause);
    stream.destroy();
  }

  function onReply(message: Message): void {
    const call = waiting.take(message.serial);
    if (call === undefined) {
      dropped.replies += 1;
      return;
    }
    try {
      deliver(message, call);
    } catch (error) {
      // The call is no longer among those in flight, so end() below will not reject it.
      if (error instanceof ProtocolViolation) call.reject(error);
      throw error;
    }
  }

  function deliver(message: Message, call: Answerable): void {
    if (message.procedure !== call.procedure) {
      throw new ProtocolViolation(
        `serial ${message.serial} asked procedure ${call.procedure}, answered by ${message.procedure}`,
      );
    }
    if (message.status === STATUS_OK) {
      call.resolve(message.payload);
    } else if (message.status === STATUS_ERROR) {
      const error = decodeError(message.payload);
      call.reject(error);
      // libvirtd has lost its connection to the driver: no call on this connection can succeed now.
      if (error.code === ERROR.INTERNAL && error.message.includes('connection not open')) end(error);
    } else {
      throw new ProtocolViolation(`reply with status ${message.status}`);
    }
  }

  function onMessage(message: Message): void {
    if (message.program === PROGRAM_KEEPALIVE) {
      if (message.procedure === KEEPALIVE_PING) out.urgent(keepaliveMessage(KEEPALIVE_PONG));
      return;
    }
    const event =
      message.program === PROGRAM_REMOTE ? decodeEvent(message.procedure, message.payload) : undefined;
    if (event === undefined) dropped.messages += 1;
    else options.onEvent(event);
  }

  stream.on('data', (chunk: Buffer) => {
    alive?.heard();
    try {
      for (const frame of split(chunk)) {
        if (reason) return;
        const message = decodeMessage(frame);
        if (message.type === TYPE_REPLY) onReply(message);
        else if (message.type === TYPE_MESSAGE) onMessage(message);
        else throw new ProtocolViolation(`message of type ${message.type}`);
      }
      out.pump();
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      end(error);
    }
  });
  stream.on('error', end);
  stream.on('end', () => end(new Error('libvirt closed the connection')));
  const closed = new Promise<void>(resolve => {
    stream.on('close', () => {
      end(new Error('the connection closed'));
      resolve();
    });
  });

  async function call<Args, Result>(
    procedure: Procedure<Args, Result>,
    args: Args,
    callOptions: CallOptions = {},
  ): Promise<Result> {
    if (reason) {
      throw new ConnectionLost(`no connection to libvirt: ${reason.message}`, {
        outcomeUnknown: false,
        cause: reason,
      });
    }
    const payload = await waiting.request(procedure, args, callOptions);
    try {
      return decode(procedure.result, payload);
    } catch (error) {
      if (error instanceof ProtocolViolation) end(error);
      throw error;
    }
  }

  async function sayGoodbye(): Promise<void> {
    // Errors are ignored: the server may hang, or close first; the stream is ended in any case.
    await call(procedures.connectClose, undefined, { timeoutMs: CLOSE_TIMEOUT_MS }).catch(() => undefined);
    end(new Error('closed by this side'));
    await closed;
  }

  return {
    call,
    ended,
    dropped,
    close() {
      closing ??= sayGoodbye();
      return closing;
    },
    destroy: end,
  };
}
