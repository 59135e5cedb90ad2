// A connection between the service and a libvirtd, without sockets. Each message travels for as long as the
// seed decides, and messages of one direction keep their order. The calls are those of the fake libvirtd,
// which is compared with a real one.
import type { ClientOptions, LibvirtClient } from '../../src/libvirt/client.ts';
import type { CallOptions, Domain, DomainEvent } from '../../src/libvirt/domain.ts';
import { domainCalls } from '../../src/libvirt/domain-calls.ts';
import { CallAborted, CallTimeout, ConnectionLost, LibvirtError } from '../../src/libvirt/errors.ts';
import { handlersOf } from '../../src/libvirt/handlers.ts';
import type { Procedure } from '../../src/libvirt/procedures.ts';
import type { ProcedureName } from '../../testkit/fakes/libvirtd/faults.ts';
import { CHANGES, names } from '../../testkit/fakes/libvirtd/session.ts';
import type { Chance } from './chance.ts';

const CALL_TIMEOUT_MS = 35_000;

/** What a connection needs of the libvirtd at its other end. */
export interface Server {
  /** Executes a call; throws LibvirtError as libvirt refuses. */
  execute(procedure: ProcedureName, args: unknown): unknown;
  /** Runs work when no other job holds the domain. */
  inJob(domain: string, work: () => Promise<void>): Promise<void>;
  /** Number of starts of libvirtd: a call that waits when libvirtd ends is never executed. */
  life(): number;
}

/** One connection, as the host sees it. */
export interface Connection {
  readonly client: LibvirtClient;
  /** Sends an event to the client. */
  emit(event: DomainEvent): void;
  /** Nothing arrives any more, in either direction; neither end knows. */
  hush(): void;
  /** The connection ends for both. */
  end(reason: string): void;
}

/** Opens a connection. `events`: whether the client has registered for them. */
export function connect(server: Server, chance: Chance, events: boolean): Connection {
  const heard = handlersOf<[DomainEvent]>();
  const closed = handlersOf<[Error]>();
  const waiting = new Set<(error: Error) => void>();
  const lanes = { there: lane(chance), back: lane(chance) };
  const life = server.life();
  let ended: Error | undefined;
  let silent = false;

  function travel(direction: 'there' | 'back', arrive: () => void): void {
    if (ended || silent) return;
    lanes[direction](() => {
      // What was sent before the client closed the connection may still arrive at the host.
      const arrives = !ended || (direction === 'there' && chance.random.chance(0.5));
      if (arrives && !silent) arrive();
    });
  }

  function end(reason: string): void {
    if (ended) return;
    ended = new Error(reason);
    const error = ended;
    for (const reject of waiting) reject(new ConnectionLost(reason, { outcomeUnknown: true }));
    waiting.clear();
    queueMicrotask(() => closed.call(error));
  }

  /** Executes a call that has arrived, and sends its answer back. */
  function serve<Result>(
    name: ProcedureName,
    args: unknown,
    settle: (error: Error | undefined, result?: Result) => void,
  ): void {
    async function work(): Promise<void> {
      if (server.life() !== life) return;
      let answer: () => void;
      try {
        const result = server.execute(name, args) as Result;
        answer = () => settle(undefined, result);
      } catch (error) {
        if (!(error instanceof LibvirtError)) throw error;
        answer = () => settle(error);
      }
      if (chance.fault() === 'no answer') return;
      travel('back', answer);
    }
    const { domain } = (args ?? {}) as { domain?: Domain };
    if (domain && CHANGES.has(name)) void server.inJob(domain.uuid, work);
    else void work();
  }

  function call<Args, Result>(
    procedure: Procedure<Args, Result>,
    args: Args,
    { signal }: CallOptions = {},
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      const name = names.get(procedure.number);
      if (ended) return reject(new ConnectionLost(ended.message, { outcomeUnknown: false }));
      if (signal?.aborted) return reject(new CallAborted('aborted', { outcomeUnknown: false }));
      if (!name) return reject(new Error(`no procedure ${procedure.number}`));
      const settle = (error: Error | undefined, result?: Result): void => {
        if (!waiting.delete(onEnd)) return;
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        if (error) reject(error);
        else resolve(result as Result);
      };
      const onEnd = (error: Error): void => settle(error);
      const onAbort = (): void => settle(new CallAborted('aborted', { outcomeUnknown: true }));
      const timer = setTimeout(
        () => settle(new CallTimeout('no answer', { outcomeUnknown: true })),
        CALL_TIMEOUT_MS,
      );
      waiting.add(onEnd);
      signal?.addEventListener('abort', onAbort, { once: true });
      travel('there', () => serve(name, args, settle));
    });
  }

  const client: LibvirtClient = {
    ...domainCalls({ call }),
    subscribe: heard.add,
    onClose: closed.add,
    dropped: { replies: 0, events: 0 } as unknown as LibvirtClient['dropped'],
    close: async () => end('closed'),
  };
  return {
    client,
    end,
    emit: event => {
      if (events) travel('back', () => heard.call(event));
    },
    hush() {
      silent = true;
    },
  };
}

/** Delivers messages one after the other, each after some time. */
function lane(chance: Chance): (arrive: () => void) => void {
  let last = 0;
  return arrive => {
    const now = Date.now();
    last = Math.max(last, now + chance.delayMs());
    setTimeout(arrive, last - now);
  };
}

/** The options of `openClient` that a double obeys. */
export type OpenOptions = Pick<ClientOptions, 'events' | 'onEvent' | 'signal'>;
