import { authenticate } from './authenticate.ts';
import { type Connection, connectionOver, type Dropped } from './connection.ts';
import type { DomainEvent } from './domain.ts';
import { type DomainCalls, domainCalls } from './domain-calls.ts';
import { CallAborted, CallTimeout, ConnectionLost, TransportError, Unsupported } from './errors.ts';
import { eventKinds } from './events.ts';
import { type Handlers, handlersOf } from './handlers.ts';
import type { KeepaliveSettings } from './keepalive.ts';
import { procedures } from './procedures.ts';
import { dial } from './transport.ts';
import { parseUri, type Target } from './uri.ts';

/** VIR_DRV_FEATURE_PROGRAM_KEEPALIVE: asking for it switches the server's PINGs on. */
const FEATURE_KEEPALIVE = 10;
/** VIR_DRV_FEATURE_REMOTE_EVENT_CALLBACK: the server can register events by callback (procedure 316). */
const FEATURE_EVENT_CALLBACK = 14;

/** Settings of one connection. */
export interface ClientOptions {
  /** Time-out for connecting, until the events are registered. Default 10 s. */
  connectTimeoutMs?: number;
  /** Time-out of calls without their own. Default 35 s: libvirt waits up to 30 s for a domain's lock. */
  callTimeoutMs?: number;
  /** Default: a PING after 5 s of silence, dead after 5 unanswered ones. false: send no PINGs. */
  keepalive?: KeepaliveSettings | false;
  /** Whether to register the events of DomainEvent. Default false. */
  events?: boolean;
  /** A first subscriber, added before the events are registered, so that it misses none. */
  onEvent?: (event: DomainEvent) => void;
  /** Aborts the connecting; has no effect afterwards. */
  signal?: AbortSignal | undefined;
}

/** One open connection to one libvirt daemon. */
export interface LibvirtClient extends DomainCalls {
  /** Calls `handler` for each event from now on, in order of arrival; returns how to remove it. */
  subscribe(handler: (event: DomainEvent) => void): () => void;
  /**
   * Calls `handler` once when the connection has ended, or asynchronously if it has ended already; returns
   * the function that removes it.
   */
  onClose(handler: (reason: Error) => void): () => void;
  /** Counters of the messages of this connection that could not be used. */
  readonly dropped: Readonly<Dropped>;
  /** Ends the connection; resolves when the stream is closed. */
  close(): Promise<void>;
}

async function hasFeature(connection: Connection, feature: number): Promise<boolean> {
  const { supported } = await connection.call(procedures.connectSupportsFeature, { feature });
  return supported === 1;
}

async function openHypervisor(connection: Connection, target: Target, events: boolean): Promise<void> {
  await authenticate(connection, target);
  await hasFeature(connection, FEATURE_KEEPALIVE);
  await connection.call(procedures.connectOpen, { name: target.name, flags: 0 });
  if (!events) return;
  if (!(await hasFeature(connection, FEATURE_EVENT_CALLBACK))) {
    throw new Unsupported('this libvirt is too old: it has no event callbacks');
  }
  for (const { id } of Object.values(eventKinds)) {
    await connection.call(procedures.connectRegisterEvent, { event: id, domain: null });
  }
}

/**
 * A transport that fails after it has been opened, as ssh does, has the reason, and no call is at stake yet.
 */
const causeOf = (error: unknown): unknown =>
  error instanceof ConnectionLost && error.cause instanceof TransportError ? error.cause : error;

/**
 * Opens a connection to `uri` by its transport. Rejects with Unsupported, LibvirtError, CallTimeout,
 * CallAborted, ConnectionLost, TransportError, or the error of the operating system if it cannot connect.
 */
export async function openClient(uri: string, options: ClientOptions = {}): Promise<LibvirtClient> {
  const target = parseUri(uri);
  const connectTimeoutMs = options.connectTimeoutMs ?? 10_000;
  const giveUp = new AbortController();
  const onAbort = () =>
    giveUp.abort(
      new CallAborted('aborted while connecting', { outcomeUnknown: false, cause: options.signal?.reason }),
    );
  options.signal?.addEventListener('abort', onAbort, { once: true });
  if (options.signal?.aborted) onAbort();
  const timer = setTimeout(() => {
    giveUp.abort(
      new CallTimeout(`no connection to ${uri} within ${connectTimeoutMs} ms`, { outcomeUnknown: false }),
    );
  }, connectTimeoutMs);

  const events = handlersOf<[DomainEvent]>();
  if (options.onEvent) events.add(options.onEvent);
  let connection: Connection | undefined;
  try {
    const stream = await dial(target, giveUp.signal);
    connection = connectionOver(stream, {
      callTimeoutMs: options.callTimeoutMs ?? 35_000,
      keepalive: options.keepalive ?? { intervalMs: 5000, count: 5 },
      onEvent: events.call,
    });
    const destroy = () => connection?.destroy(giveUp.signal.reason);
    giveUp.signal.addEventListener('abort', destroy, { once: true });
    await openHypervisor(connection, target, options.events ?? false);
    giveUp.signal.removeEventListener('abort', destroy);
  } catch (error) {
    connection?.destroy(error instanceof Error ? error : new Error(String(error)));
    throw giveUp.signal.aborted ? giveUp.signal.reason : causeOf(error);
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  }
  return clientOf(connection, events);
}

function clientOf(connection: Connection, events: Handlers<[DomainEvent]>): LibvirtClient {
  return {
    ...domainCalls(connection),
    subscribe: events.add,
    onClose(handler) {
      // One set for each handler, so that a handler that is added after the end is called too.
      const wanted = handlersOf<[Error]>();
      void connection.ended.then(wanted.call);
      return wanted.add(handler);
    },
    dropped: connection.dropped,
    close: () => connection.close(),
  };
}
