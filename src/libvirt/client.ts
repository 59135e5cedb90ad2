import { type Connection, connectionOver, type Dropped } from './connection.ts';
import type { DomainEvent } from './domain.ts';
import { type DomainCalls, domainCalls } from './domain-calls.ts';
import { CallAborted, CallTimeout, Unsupported } from './errors.ts';
import { eventKinds } from './events.ts';
import { type Handlers, handlersOf } from './handlers.ts';
import type { KeepaliveSettings } from './keepalive.ts';
import { procedures } from './procedures.ts';
import { dial } from './transport.ts';
import { parseUri } from './uri.ts';

/** VIR_DRV_FEATURE_PROGRAM_KEEPALIVE: switches the server's PINGs on. */
const FEATURE_KEEPALIVE = 10;
/** VIR_DRV_FEATURE_REMOTE_EVENT_CALLBACK: events by callback, procedure 316. */
const FEATURE_EVENT_CALLBACK = 14;

const AUTH_NONE = 0;
const AUTH_POLKIT = 2;

export interface ClientOptions {
  /** From dialling to an open connection with its events registered. Default 10 s. */
  connectTimeoutMs?: number;
  /** For a call that brings none of its own. Default 35 s: libvirt gives up waiting for a machine's lock after 30. */
  callTimeoutMs?: number;
  /** Default every 5 s, dead after 5; false: send no PINGs. */
  keepalive?: KeepaliveSettings | false;
  /** Register the events of DomainEvent. Default false. */
  events?: boolean;
  /** As `subscribe`, but in place before the events are registered, so that it misses none. */
  onEvent?: (event: DomainEvent) => void;
  /** Gives up opening. */
  signal?: AbortSignal | undefined;
}

/** One open connection to one libvirt daemon. */
export interface LibvirtClient extends DomainCalls {
  /** Calls `handler` for each event from now on, in the order of arrival; returns how to stop that. */
  subscribe(handler: (event: DomainEvent) => void): () => void;
  /** Calls `handler` once, when the connection has ended, or soon if it has; returns how to stop that. */
  onClose(handler: (reason: Error) => void): () => void;
  /** What came in on this connection and could not be used. */
  readonly dropped: Readonly<Dropped>;
  /** Resolves when nothing of the connection is left. */
  close(): Promise<void>;
}

async function authenticate(connection: Connection): Promise<void> {
  // Always asked, even where nothing is needed: a server that wants polkit refuses everything before this call.
  const { types } = await connection.call(procedures.authList, undefined);
  if (types.length === 0 || types.includes(AUTH_NONE)) return;
  if (!types.includes(AUTH_POLKIT)) {
    throw new Unsupported(
      'libvirt asks for SASL authentication, which is not supported (auth_tcp, auth_unix_rw)',
    );
  }
  await connection.call(procedures.authPolkit, undefined);
}

async function hasFeature(connection: Connection, feature: number): Promise<boolean> {
  const { supported } = await connection.call(procedures.connectSupportsFeature, { feature });
  return supported === 1;
}

async function openHypervisor(connection: Connection, name: string, events: boolean): Promise<void> {
  await authenticate(connection);
  await hasFeature(connection, FEATURE_KEEPALIVE);
  await connection.call(procedures.connectOpen, { name, flags: 0 });
  if (!events) return;
  if (!(await hasFeature(connection, FEATURE_EVENT_CALLBACK))) {
    throw new Unsupported('this libvirt is too old: it has no event callbacks');
  }
  for (const { id } of Object.values(eventKinds)) {
    await connection.call(procedures.connectRegisterEvent, { event: id, domain: null });
  }
}

/**
 * Opens a connection to `uri` (unix or tcp transport). Rejects with Unsupported, LibvirtError, CallTimeout, CallAborted,
 * ConnectionLost, or the system's error if there is nobody to connect to.
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
    await openHypervisor(connection, target.name, options.events ?? false);
    giveUp.signal.removeEventListener('abort', destroy);
  } catch (error) {
    connection?.destroy(error instanceof Error ? error : new Error(String(error)));
    throw giveUp.signal.aborted ? giveUp.signal.reason : error;
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
      // Its own set, so that one which comes after the end is still told.
      const wanted = handlersOf<[Error]>();
      void connection.closed.then(wanted.call);
      return wanted.add(handler);
    },
    dropped: connection.dropped,
    close: () => connection.close(),
  };
}
