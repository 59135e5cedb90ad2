// One client's connection to a fake libvirtd, with the limits of the real server: it stops reading while five
// requests are unanswered, and sends PINGs after the client has asked for them.
import type { Socket } from 'node:net';
import type { Domain, DomainEvent } from '../../../src/libvirt/domain.ts';
import { LibvirtError } from '../../../src/libvirt/errors.ts';
import { eventKinds } from '../../../src/libvirt/events.ts';
import { type KeepaliveSettings, keepalive } from '../../../src/libvirt/keepalive.ts';
import { type Procedure, procedures } from '../../../src/libvirt/procedures.ts';
import * as wire from '../../../src/libvirt/wire.ts';
import { type Codec, decode, encode } from '../../../src/libvirt/xdr.ts';
import type { fakeAnswers, SessionState } from './answers.ts';
import type { Fault, noFaults, ProcedureName } from './faults.ts';
import type { fakeJobs } from './jobs.ts';
import { errorPayload, eventMessage } from './messages.ts';

/** max_client_requests of libvirtd.conf. */
const REQUESTS_MAX = 5;
const FROM_RPC = 7;

/** The names of the procedures, by number. */
export const names = new Map(
  Object.entries(procedures).map(([name, { number }]) => [number, name as ProcedureName] as const),
);

/** Procedures that are allowed before authentication, and before connectOpen. */
const ALWAYS: ReadonlySet<ProcedureName> = new Set([
  'authList',
  'authPolkit',
  'authSaslInit',
  'authSaslStart',
  'authSaslStep',
]);
const BEFORE_OPEN: ReadonlySet<ProcedureName> = new Set(['connectOpen', 'connectSupportsFeature', ...ALWAYS]);

/** Procedures that wait for the jobs of their domain; domainDestroy does not wait. */
export const CHANGES: ReadonlySet<ProcedureName> = new Set<ProcedureName>([
  'domainAttachDeviceFlags',
  'domainBlockResize',
  'domainCreateWithFlags',
  'domainDetachDeviceAlias',
  'domainManagedSave',
  'domainReset',
]);

/** What a session needs of its libvirtd. */
export interface SessionOptions {
  jobs: Pick<ReturnType<typeof fakeJobs>, 'run'>;
  /** Number of starts of libvirtd: a call that waits when libvirtd ends is not executed by the next one. */
  life(): number;
  answers: ReturnType<typeof fakeAnswers>;
  faults: ReturnType<typeof noFaults>;
  authNeeded: boolean;
  keepalive: KeepaliveSettings;
  onCall(procedure: ProcedureName, args: unknown, unanswered: number): void;
}

export interface Session {
  send(event: DomainEvent): void;
}

/** Serves `socket` until it closes. */
export function serve(socket: Socket, options: SessionOptions): Session {
  const { faults } = options;
  const state: SessionState = {
    opened: false,
    authenticated: !options.authNeeded,
    keepalive: false,
    callbacks: new Map(),
  };
  const life = options.life();
  const split = wire.frameSplitter();
  let unanswered = 0;
  let pings: ReturnType<typeof keepalive> | undefined;

  function write(bytes: Buffer): void {
    if (faults.deaf || socket.destroyed) return;
    if (!faults.slowBytes) {
      socket.write(bytes);
      return;
    }
    for (const byte of bytes) socket.write(Buffer.of(byte));
  }

  function reply(message: wire.Message, status: number, payload: Buffer, fault: Fault | undefined): void {
    unanswered -= 1;
    socket.resume();
    if (fault?.kind === 'garbage') {
      write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
      return;
    }
    const { program, procedure, serial } = message;
    write(
      wire.encodeMessage({
        program,
        procedure: fault?.kind === 'wrong-procedure' ? procedure + 1 : procedure,
        type: wire.TYPE_REPLY,
        serial: fault?.kind === 'wrong-serial' ? serial + 1000 : serial,
        status,
        payload,
      }),
    );
  }

  function execute<Args, Result>(name: ProcedureName, payload: Buffer): Buffer {
    const procedure = procedures[name] as unknown as Procedure<Args, Result>;
    let args: Args;
    try {
      args = decode(procedure.args, payload);
    } catch {
      throw new LibvirtError('Unable to decode message payload', { code: 39, domain: FROM_RPC });
    }
    options.onCall(name, args, unanswered);
    if (!state.authenticated && !ALWAYS.has(name)) {
      throw new LibvirtError('authentication required', { code: 39, domain: FROM_RPC });
    }
    if (!state.opened && !BEFORE_OPEN.has(name)) {
      throw new LibvirtError('internal error: hypervisor connection not open', { code: 1, domain: FROM_RPC });
    }
    const answer = options.answers[name] as unknown as (args: Args, state: SessionState) => Result;
    return encode(procedure.result, answer(args, state));
  }

  /** UUID of the domain whose jobs a call must wait for; undefined if it need not wait. */
  function domainOf(name: ProcedureName | undefined, payload: Buffer): string | undefined {
    if (name === undefined || !CHANGES.has(name)) return undefined;
    try {
      return (decode(procedures[name].args as Codec<unknown>, payload) as { domain: Domain }).domain.uuid;
    } catch {
      return undefined;
    }
  }

  async function onCall(message: wire.Message): Promise<void> {
    const name = names.get(message.procedure);
    const fault = name === undefined ? undefined : faults.take(name);
    if (fault?.kind === 'drop-before') {
      socket.destroy();
      return;
    }
    const uuid = domainOf(name, message.payload);
    const work = (): Promise<void> => carryOut(message, name, fault);
    await (uuid === undefined ? work() : options.jobs.run(uuid, work));
  }

  async function carryOut(
    message: wire.Message,
    name: ProcedureName | undefined,
    fault: Fault | undefined,
  ): Promise<void> {
    if (fault?.kind === 'delay') {
      await (fault.until ?? new Promise(resolve => setTimeout(resolve, fault.ms ?? 0).unref()));
    }
    if (options.life() !== life) return;
    let status = wire.STATUS_OK;
    let payload: Buffer;
    try {
      if (name === undefined) {
        throw new LibvirtError(`unknown procedure: ${message.procedure}`, { code: 39, domain: FROM_RPC });
      }
      if (fault?.kind === 'refuse') {
        throw new LibvirtError(fault.message, { code: fault.code, domain: fault.domain ?? 10 });
      }
      if (fault?.kind === 'twice') execute(name, message.payload);
      payload = execute(name, message.payload);
    } catch (error) {
      if (!(error instanceof LibvirtError)) throw error;
      status = wire.STATUS_ERROR;
      payload = errorPayload(error);
    }
    if (fault?.kind === 'drop-after') socket.destroy();
    if (fault?.kind === 'drop-after' || fault?.kind === 'no-answer') return;
    reply(message, status, payload, fault);
    if (name === 'connectClose') socket.end();
    if (state.keepalive && pings === undefined) {
      pings = keepalive(options.keepalive, {
        ping: () => write(wire.keepaliveMessage(wire.KEEPALIVE_PING)),
        dead: () => socket.destroy(),
      });
    }
  }

  function onFrame(frame: Buffer): void {
    const message = wire.decodeMessage(frame);
    if (message.program === wire.PROGRAM_KEEPALIVE) {
      if (message.procedure === wire.KEEPALIVE_PING && !faults.ignorePings) {
        write(wire.keepaliveMessage(wire.KEEPALIVE_PONG));
      }
    } else if (message.type === wire.TYPE_CALL) {
      unanswered += 1;
      if (unanswered >= REQUESTS_MAX) socket.pause();
      void onCall(message);
    }
  }

  socket.on('data', chunk => {
    if (faults.deaf) return;
    pings?.heard();
    try {
      for (const frame of split(chunk)) onFrame(frame);
    } catch {
      socket.destroy();
    }
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => pings?.stop());

  return {
    send(event) {
      const callback = state.callbacks.get(eventKinds[event.type].id);
      if (callback === undefined) return;
      write(eventMessage(event, callback));
    },
  };
}
