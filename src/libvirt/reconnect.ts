// A link that reconnects: when a connection is lost, it opens the next one. Events that happen in between are
// lost, so each new connection registers its events first and is announced (`onUp`) afterwards. The
// subscriber must then compare its records with the domains.
import { type BackoffSettings, backoffMs } from './backoff.ts';
import { type ClientOptions, type LibvirtClient, openClient } from './client.ts';
import type { DomainEvent } from './domain.ts';
import { CallAborted, NodeUnreachable } from './errors.ts';
import { handlersOf } from './handlers.ts';
import { parseUri } from './uri.ts';

/** Settings of a link. */
export interface LinkOptions extends Omit<ClientOptions, 'onEvent' | 'signal'> {
  /** Default: 100 ms, doubled with each attempt up to 30 s. */
  backoff?: BackoffSettings;
  /** After a connection that lasted at least this long, the back-off starts from its base. Default 5 s. */
  stableMs?: number;
  /** In a pause, `client()` connects at once if the last attempt ended this long ago. Default 1 s. */
  eagerRetryMs?: number;
  /** Returns numbers from 0 to below 1, for the jitter. Default Math.random. */
  random?: () => number;
  /** Opens a connection. Default `openClient`. */
  open?: typeof openClient | undefined;
}

/** A connection to one libvirt daemon that is opened again whenever it is lost. */
export interface Link {
  /** `down` is the pause between two attempts. */
  readonly state: 'connecting' | 'up' | 'down' | 'closed';
  /** Number of connections opened so far. */
  readonly generation: number;
  /** When the connection came up, or was lost, in milliseconds since 1970. */
  readonly since: number;
  /** Why the last connection or attempt ended; undefined while up. */
  readonly lastError: Error | undefined;
  /**
   * The connected client. Waits for an attempt in progress. During a back-off pause it starts an attempt and
   * waits for it, unless the last one failed less than `eagerRetryMs` ago. Rejects with NodeUnreachable, or
   * with CallAborted if `signal` is aborted.
   */
  client(options?: { signal?: AbortSignal | undefined }): Promise<LibvirtClient>;
  /** Adds a handler of events, called in order of arrival, after the `onUp` of their connection. */
  onEvent(handler: (event: DomainEvent, generation: number) => void): () => void;
  /** Adds a handler of new connections: time to reconcile, as events before it may be lost. */
  onUp(handler: (client: LibvirtClient, generation: number) => void): () => void;
  /** Adds a handler of lost connections. Failed attempts are not announced; they show in `lastError`. */
  onDown(handler: (reason: Error, generation: number) => void): () => void;
  /** Ends the link and its connection; resolves when the connection is closed. */
  close(): Promise<void>;
}

/**
 * Connects to `uri` and reconnects until closed. Until then it keeps the process alive, also while it is
 * down. Throws Unsupported at once for a URI that this client cannot connect to.
 */
export function reconnectingLink(uri: string, options: LinkOptions = {}): Link {
  const {
    backoff = { baseMs: 100, capMs: 30_000 },
    stableMs = 5000,
    eagerRetryMs = 1000,
    random = Math.random,
    open = openClient,
    ...clientOptions
  } = options;
  parseUri(uri);

  const events = handlersOf<[DomainEvent, number]>();
  const ups = handlersOf<[LibvirtClient, number]>();
  const downs = handlersOf<[Error, number]>();
  const closing = new AbortController();
  let state: Link['state'] = 'connecting';
  let generation = 0;
  let since = Date.now();
  let lastError: Error | undefined;
  let live: LibvirtClient | undefined;
  let attempts = 0;
  let attemptEnded = 0;
  let retry: NodeJS.Timeout | undefined;
  let attempt = connect();

  /** One attempt; never rejects. */
  async function connect(): Promise<void> {
    clearTimeout(retry);
    state = 'connecting';
    const early: DomainEvent[] = [];
    let announced = false;
    try {
      const client = await open(uri, {
        ...clientOptions,
        signal: closing.signal,
        onEvent: event => (announced ? events.call(event, generation) : early.push(event)),
      });
      attemptEnded = performance.now();
      if (closing.signal.aborted) return await client.close();
      up(client);
      announced = true;
      for (const event of early) events.call(event, generation);
    } catch (error) {
      attemptEnded = performance.now();
      if (!closing.signal.aborted) pause(error instanceof Error ? error : new Error(String(error)));
    }
  }

  function up(client: LibvirtClient): void {
    const upAt = performance.now();
    state = 'up';
    generation += 1;
    since = Date.now();
    lastError = undefined;
    live = client;
    client.onClose(reason => {
      live = undefined;
      if (closing.signal.aborted) return;
      if (performance.now() - upAt >= stableMs) attempts = 0;
      since = Date.now();
      pause(reason);
      downs.call(reason, generation);
    });
    ups.call(client, generation);
  }

  function pause(reason: Error): void {
    state = 'down';
    lastError = reason;
    retry = setTimeout(
      () => {
        attempt = connect();
      },
      backoffMs(attempts, backoff, random),
    );
    attempts += 1;
  }

  function unreachable(): NodeUnreachable {
    const why = state === 'closed' ? 'the link is closed' : (lastError?.message ?? 'not connected yet');
    return new NodeUnreachable(`no connection to ${uri}: ${why}`, { cause: lastError });
  }

  async function whenSettled(signal: AbortSignal | undefined): Promise<void> {
    if (signal === undefined) return await attempt;
    let onAbort: (() => void) | undefined;
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () =>
        reject(
          new CallAborted('aborted while waiting for a connection', {
            outcomeUnknown: false,
            cause: signal.reason,
          }),
        );
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
      await Promise.race([attempt, aborted]);
    } finally {
      if (onAbort) signal.removeEventListener('abort', onAbort);
    }
  }

  async function shut(): Promise<void> {
    if (state === 'up') since = Date.now();
    state = 'closed';
    closing.abort();
    clearTimeout(retry);
    await attempt;
    await live?.close();
  }

  let closed: Promise<void> | undefined;
  return {
    get state() {
      return state;
    },
    get generation() {
      return generation;
    },
    get since() {
      return since;
    },
    get lastError() {
      return lastError;
    },
    async client({ signal } = {}) {
      if (state === 'down' && performance.now() - attemptEnded >= eagerRetryMs) attempt = connect();
      if (state === 'connecting') await whenSettled(signal);
      if (live === undefined || state !== 'up') throw unreachable();
      return live;
    },
    onEvent: events.add,
    onUp: ups.add,
    onDown: downs.add,
    close() {
      closed ??= shut();
      return closed;
    },
  };
}
