// The calls of one connection: those that wait, those in flight, and the result of each.
//
// libvirtd stops reading from a connection while five of its requests are unanswered. Then it does not read
// the answers to its keepalive PINGs either, takes the client for dead and closes the connection. So at most
// four calls are in flight, and the others wait in a queue here. A call that its caller gave up stays in
// flight until its answer arrives, because the server still counts it.
import type { CallOptions } from './domain.ts';
import { CallAborted, CallTimeout, ConnectionLost, InvalidArgument } from './errors.ts';
import type { Procedure } from './procedures.ts';
import { encodeMessage, PROGRAM_REMOTE, STATUS_OK, TYPE_CALL } from './wire.ts';
import { encode } from './xdr.ts';

/** One less than libvirtd's default max_client_requests (5). */
const WINDOW = 4;

/** Own limit for the arguments of a request in bytes: above any device XML, below libvirt's limits. */
const ARGUMENTS_MAX = 1024 * 1024;

const SERIAL_MAX = 0xffff_ffff;

interface Waiting {
  procedure: number;
  payload: Buffer;
  serial: number | undefined;
  settled: boolean;
  resolve(payload: Buffer): void;
  reject(error: Error): void;
}

/** A call in flight: the procedure that its reply must name, and the functions that deliver the reply. */
export interface Answerable {
  procedure: number;
  resolve(payload: Buffer): void;
  reject(error: Error): void;
}

/** The queue of calls and the window of calls in flight. */
export interface Calls {
  /**
   * Queues a request; resolves with the encoded result. Rejects with InvalidArgument, CallTimeout,
   * CallAborted or, after `fail`, ConnectionLost.
   */
  request<Args>(procedure: Procedure<Args, unknown>, args: Args, options: CallOptions): Promise<Buffer>;
  /** The next frame to write, if the window allows one. Its call counts as sent from now on. */
  next(): Buffer | undefined;
  /** Removes the call with this serial from those in flight and returns it; undefined if there is none. */
  take(serial: number): Answerable | undefined;
  /** Rejects every call with ConnectionLost; `outcomeUnknown` says whether the call had been sent. */
  fail(reason: Error): void;
  /** Whether the window is full of calls that their callers gave up, so that no other call can be sent. */
  stuck(): boolean;
}

/**
 * An empty queue of calls. `ready` is called when a frame may be available; `abandoned` when a caller has
 * given up a call in flight. `timeoutMs` is for calls that bring no time-out of their own.
 */
export function calls(options: { timeoutMs: number; ready(): void; abandoned(): void }): Calls {
  const queue: Waiting[] = [];
  const inFlight = new Map<number, Waiting>();
  let lastSerial = 0;

  function nextSerial(): number {
    do {
      lastSerial = lastSerial === SERIAL_MAX ? 1 : lastSerial + 1;
    } while (inFlight.has(lastSerial));
    return lastSerial;
  }

  function giveUp(call: Waiting, makeError: (outcomeUnknown: boolean) => Error): void {
    if (call.settled) return;
    const sent = call.serial !== undefined;
    if (!sent) queue.splice(queue.indexOf(call), 1);
    call.reject(makeError(sent));
    if (sent) options.abandoned();
  }

  return {
    async request(procedure, args, { signal, timeoutMs = options.timeoutMs }) {
      const payload = encode(procedure.args, args);
      if (payload.length > ARGUMENTS_MAX) {
        throw new InvalidArgument(`${payload.length} bytes of arguments, at most ${ARGUMENTS_MAX}`);
      }
      if (signal?.aborted) {
        throw new CallAborted('aborted before the call was sent', {
          outcomeUnknown: false,
          cause: signal.reason,
        });
      }
      return await new Promise<Buffer>((resolve, reject) => {
        const onAbort = () =>
          giveUp(
            call,
            outcomeUnknown =>
              new CallAborted('aborted while waiting for libvirt', { outcomeUnknown, cause: signal?.reason }),
          );
        const onDeadline = () =>
          giveUp(
            call,
            outcomeUnknown =>
              new CallTimeout(`no answer from libvirt within ${timeoutMs} ms`, { outcomeUnknown }),
          );
        const timer = setTimeout(onDeadline, timeoutMs);
        signal?.addEventListener('abort', onAbort, { once: true });
        const settle = () => {
          call.settled = true;
          clearTimeout(timer);
          signal?.removeEventListener('abort', onAbort);
        };
        const call: Waiting = {
          procedure: procedure.number,
          payload,
          serial: undefined,
          settled: false,
          resolve(result) {
            if (call.settled) return;
            settle();
            resolve(result);
          },
          reject(error) {
            if (call.settled) return;
            settle();
            reject(error);
          },
        };
        queue.push(call);
        options.ready();
      });
    },

    next() {
      if (inFlight.size >= WINDOW) return undefined;
      const call = queue.shift();
      if (call === undefined) return undefined;
      call.serial = nextSerial();
      inFlight.set(call.serial, call);
      return encodeMessage({
        program: PROGRAM_REMOTE,
        procedure: call.procedure,
        type: TYPE_CALL,
        serial: call.serial,
        status: STATUS_OK,
        payload: call.payload,
      });
    },

    take(serial) {
      const call = inFlight.get(serial);
      inFlight.delete(serial);
      return call;
    },

    fail(reason) {
      const all = [...inFlight.values(), ...queue.splice(0)];
      inFlight.clear();
      for (const call of all) {
        const outcomeUnknown = call.serial !== undefined;
        call.reject(
          new ConnectionLost(`connection to libvirt lost: ${reason.message}`, {
            outcomeUnknown,
            cause: reason,
          }),
        );
      }
    },

    stuck: () => inFlight.size >= WINDOW && [...inFlight.values()].every(call => call.settled),
  };
}
