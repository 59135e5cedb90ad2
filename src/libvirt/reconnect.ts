// A link that stays up: while one connection is gone the next is being made. Events that happen in the gap are lost for
// good, so each new connection registers for events first and is announced afterwards; whoever hears of it must compare
// what it believes with what the machines show.
import { type BackoffSettings, backoffMs } from './backoff.ts';
import { type ClientOptions, type LibvirtClient, openClient } from './client.ts';
import type { DomainEvent } from './domain.ts';
import { CallAborted, NodeUnreachable } from './errors.ts';
import { handlersOf } from './handlers.ts';
import { parseUri } from './uri.ts';

export interface LinkOptions extends Omit<ClientOptions, 'onEvent' | 'signal'> {
  /** Default 100 ms, doubling up to 30 s. */
  backoff?: BackoffSettings;
  /** A connection that lasted this long starts the back-off anew when it is lost. Default 5 s. */
  stableMs?: number;
  /** While backing off, `client()` tries at once unless an attempt ended less than this ago. Default 1 s. */
  eagerRetryMs?: number;
  /** Numbers from 0 to below 1, for the jitter. Default Math.random. */
  random?: () => number;
}

export interface Link {
  /** `down` is the pause between two attempts. */
  readonly state: 'connecting' | 'up' | 'down' | 'closed';
  /** Number of connections made so far: +1 with each new one. */
  readonly generation: number;
  /** Since when there is a connection, or none (Date.now()). */
  readonly since: number;
  /** Why the last connection or attempt ended; undefined while up. */
  readonly lastError: Error | undefined;
  /**
   * The live client. While an attempt is under way, its result; while backing off, that of a new attempt, or a refusal at
   * once if the last attempt has just failed. Rejects with NodeUnreachable, or CallAborted if `signal` fires first.
   */
  client(options?: { signal?: AbortSignal | undefined }): Promise<LibvirtClient>;
  /** Events in order of arrival, each after the `onUp` of the connection that brought it. */
  onEvent(handler: (event: DomainEvent, generation: number) => void): () => void;
  /** The moment to reconcile: events are registered and flowing, what happened before is not known. */
  onUp(handler: (client: LibvirtClient, generation: number) => void): () => void;
  /** A connection was lost. Failed attempts are not announced; they show in `lastError`. */
  onDown(handler: (reason: Error, generation: number) => void): () => void;
  /** Ends the link and its connection for good; resolves when nothing is left of either. */
  close(): Promise<void>;
}

/**
 * Connects to `uri` and keeps connecting until closed; up or down, it keeps the process alive like an open socket.
 * Throws Unsupported at once for a URI that cannot work.
 */
export function reconnectingLink(uri: string, options: LinkOptions = {}): Link {
  const {
    backoff = { baseMs: 100, capMs: 30_000 },
    stableMs = 5000,
    eagerRetryMs = 1000,
    random = Math.random,
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
      const client = await openClient(uri, {
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
