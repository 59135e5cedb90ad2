// The calls of one connection: which wait, which are in flight, and what becomes of each.
//
// libvirtd stops reading a connection while five of its requests are unanswered, keepalive answers included, and then
// takes the silence for death and drops everything. So at most four are in flight and the rest wait here. A call that
// its caller gave up keeps its place until the answer comes, because the server still counts it.
import type { CallOptions } from './domain.ts';
import { CallAborted, CallTimeout, ConnectionLost, InvalidArgument } from './errors.ts';
import type { Procedure } from './procedures.ts';
import { encodeMessage, PROGRAM_REMOTE, STATUS_OK, TYPE_CALL } from './wire.ts';
import { encode } from './xdr.ts';

/** One less than libvirtd's default max_client_requests (5). */
const WINDOW = 4;

/** Own limit for one request's arguments: far above any device XML, below every libvirt version's limit. */
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

/** The reply's destination: whether its procedure is the one that was asked for, and how to deliver it. */
export interface Answerable {
  procedure: number;
  resolve(payload: Buffer): void;
  reject(error: Error): void;
}

export interface Calls {
  /** Queues a request; resolves with the result's bytes. Rejects with CallTimeout, CallAborted, or what `fail` gives. */
  request<Args>(procedure: Procedure<Args, unknown>, args: Args, options: CallOptions): Promise<Buffer>;
  /** The next frame to write, if the window allows one. From now on its call counts as sent. */
  next(): Buffer | undefined;
  /** Takes the call that `serial` answers out of flight; undefined if there is none. */
  take(serial: number): Answerable | undefined;
  /** Rejects every call with ConnectionLost, each saying whether it had been sent. */
  fail(reason: Error): void;
  /** True when no call in flight has anybody waiting for it any more and no further one could be sent. */
  stuck(): boolean;
}

/** `ready` is called when a frame may have become available; `abandoned` when a caller gave up a call in flight. */
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
