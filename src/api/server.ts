import type { HttpRequest, HttpResponse, TemplatedApp, us_socket_context_t } from 'uWebSockets.js';
import { setImmediate } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type ErrorCode, errorOf, PdiskError } from '../errors.ts';
import { createCount } from '../lib/count.ts';
import { attemptedName } from './access/authentication.ts';
import { type Address, addressText, createClientAddress } from './access/client-address.ts';
import { createCors } from './access/cors.ts';
import { createHostAndOriginCheck } from './access/host-and-origin-check.ts';
import { createHandler, type RequestFacts } from './handler.ts';
import { type HttpAnswer, ofError } from './http/answer.ts';
import type { TlsFiles } from './http/certificate.ts';
import { createConnectionRecycling } from './http/connection-recycling.ts';
import { type Attached, webSocketBehavior } from './http/event-transports.ts';
import { Exchange } from './http/exchange.ts';
import { withoutPaths } from './http/hidden-paths.ts';
import { createListener } from './http/listener.ts';
import type { Answers } from './routes/idempotency.ts';
import type { MetricsAccess } from './routes/open.ts';
import { routeTable, type Served } from './routes/table.ts';

/** Methods that change nothing and are frequent: they are logged at level debug, unless they fail. */
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** The API on its listening socket. */
export interface Api {
  /** Begins to accept connections; resolves with the port. Rejects with an `Error` that says why not. */
  listen(host: string, port: number): Promise<{ readonly port: number }>;
  /**
   * Reads the certificate from its files again, for new connections. Throws an `Error` with a sentence if it
   * cannot be used; the old one stays.
   */
  reloadCertificate(): void;
  /**
   * From now on changes are refused (503, STOPPING) and reads are answered. Resolves when no change is in
   * progress, after `limitMs` milliseconds at the latest.
   */
  drain(limitMs: number): Promise<void>;
  /**
   * Accepts no more connections, answers 503 (STOPPING) on open ones, waits for the requests in progress, at
   * most `graceMs`, and then closes every connection.
   */
  stop(graceMs: number): Promise<void>;
}

/** Settings of the API, as `src/config` has them. */
export interface ApiSettings {
  /** Undefined: plain HTTP. */
  readonly tls: TlsFiles | undefined;
  /** Names that a Host header may have on a loopback address, besides the loopback names. */
  readonly hostNames: readonly string[];
  /** Origins whose pages may use the API. */
  readonly allowedOrigins: readonly string[];
  /** Addresses and networks of proxies whose X-Forwarded-For is trusted. */
  readonly trustedProxies: readonly string[];
  readonly maxConnections: number;
  /** The limit of concurrent requests; beyond it they are answered 503 (BUSY). */
  readonly maxRequests: number;
  readonly metricsAccess: MetricsAccess;
}

interface Parts extends Omit<Served, 'forget' | 'metricsAccess'> {
  /** The answers to requests with an Idempotency-Key. */
  readonly answers: Answers;
  /** Whether the store accepts only requests that free room; by default it never does. */
  readonly isFull?: () => boolean;
  readonly log: Logger;
  readonly settings: ApiSettings;
}

const isOfLogins = (code: ErrorCode | undefined): boolean =>
  code === 'UNAUTHENTICATED' || code === 'TOO_MANY_LOGINS';

/** The REST API over HTTP. */
export function createApi(parts: Parts): Api {
  const { accounts, answers, events, monitoring, log, settings } = parts;
  const network = {
    isLastOnConnection: createConnectionRecycling(),
    clientAddress: createClientAddress(settings.trustedProxies),
  };
  const cors = createCors(settings.allowedOrigins);
  let checkHostAndOrigin: ReturnType<typeof createHostAndOriginCheck> | undefined;
  const handle = createHandler({
    ...routeTable({ ...parts, forget: answers.forget, metricsAccess: settings.metricsAccess }),
    accounts,
    maxRequests: settings.maxRequests,
    checkHostAndOrigin: (head, changes) => checkHostAndOrigin?.(head, changes),
    once: answers.once,
    isFull: parts.isFull ?? (() => false),
    audit: parts.audit,
    isDraining: () => draining,
  });
  const logs = { debug: log.isLevelEnabled('debug'), info: log.isLevelEnabled('info') };
  let stopped: Promise<void> | undefined;
  let draining = false;
  /** Requests in progress, and those of them that are to change something. */
  const working = createCount();
  const changing = createCount();

  /**
   * Writes a log line. An error is dropped, for example when the disk of the log is full: an exception in a
   * callback of uWebSockets.js would end the process.
   */
  function writeLog(level: 'debug' | 'info' | 'error' | 'fatal', fields: object, message: string): void {
    try {
      log[level](fields, message);
    } catch {
      // There is no other place to report it.
    }
  }

  function errorAnswer(exchange: Exchange, error: unknown, { isTrusted }: RequestFacts): HttpAnswer {
    if (!(error instanceof PdiskError))
      writeLog('error', { request: exchange.id, err: error }, 'a request failed');
    return isTrusted ? ofError(error) : withoutPaths(ofError(error));
  }

  function serve(exchange: Exchange): void {
    const { id: request, head } = exchange;
    const started = performance.now();
    let client: Address | undefined;
    const facts: RequestFacts = {
      account: undefined,
      isTrusted: false,
      route: undefined,
      changes: false,
      audited: undefined,
    };
    let finished = false;
    working.up();

    function finish(answer: HttpAnswer): void {
      if (finished) return;
      finished = true;
      const { status, error, body } = answer;
      const attempted = isOfLogins(error?.code) ? attemptedName(head.authorization) : undefined;
      facts.audited?.end(answer, attempted);
      if (typeof body !== 'string') body.free?.();
      working.down();
      if (facts.changes) changing.down();
      const ms = performance.now() - started;
      monitoring.figures.request(facts.route, head.method, status, ms / 1000);
      const level = READING.has(head.method) && !error ? 'debug' : 'info';
      if (!logs[level]) return;
      writeLog(
        level,
        {
          request,
          method: head.method,
          path: head.path,
          status,
          ...(error && { code: error.code, messages: error.messages }),
          ...(exchange.isGone && { aborted: true }),
          ms: Math.round(ms * 1000) / 1000,
          account: facts.account,
          ...(client && { client: addressText(client) }),
          ...(isOfLogins(error?.code) && { attempted }),
        },
        'request',
      );
    }

    const send = (answer: HttpAnswer): void =>
      exchange.send(cors.readable(answer, head), stopped !== undefined, () => finish(answer));

    let answer: HttpAnswer | Promise<HttpAnswer>;
    try {
      if (stopped) throw errorOf('STOPPING');
      if (working.now() > settings.maxRequests) throw errorOf('BUSY');
      answer = cors.preflight(head) ?? handle(exchange, facts);
    } catch (error) {
      answer = errorAnswer(exchange, error, facts);
    }
    if (facts.changes) changing.up();
    // Read now: after an `await` the connection may be gone.
    if (logs.debug || (logs.info && (answer instanceof Promise || answer.error || !READING.has(head.method))))
      client = exchange.address;
    if (!(answer instanceof Promise)) {
      send(answer);
      return;
    }
    answer
      .catch(error => errorAnswer(exchange, error, facts))
      .then(send)
      .catch(error => writeLog('fatal', { request, err: error }, 'an answer could not be sent'));
  }

  function mount(app: TemplatedApp): void {
    const take = (response: HttpResponse, request: HttpRequest, upgrading?: us_socket_context_t): void => {
      // An exception that leaves this function ends the process.
      try {
        serve(new Exchange(response, request, network, upgrading));
      } catch (error) {
        writeLog('fatal', { err: error }, 'a request could not be served');
      }
    };
    app.ws<Attached>('/*', { ...webSocketBehavior(events.idleSeconds), upgrade: take });
    app.any('/*', (response, request) => take(response, request));
  }
  const listener = createListener({ ...settings, mount, warn: sentence => log.warn(sentence) });

  async function close(graceMs: number): Promise<void> {
    listener.refuse();
    await working.zero(graceMs);
    // Streams are served in a turn of their own: they get the events of the last changes first.
    await setImmediate();
    events.streams.stop();
    // Answers of this turn of the event loop are still in the cork buffer.
    await setImmediate();
    listener.close();
  }

  return {
    async listen(host, port) {
      const { hostNames, tls } = settings;
      checkHostAndOrigin = createHostAndOriginCheck({
        host,
        secure: tls !== undefined,
        hostNames,
        isAllowed: cors.isAllowed,
      });
      return { port: await listener.listen(host, port) };
    },
    reloadCertificate: listener.reload,
    drain(limitMs) {
      draining = true;
      return changing.zero(limitMs);
    },
    stop(graceMs) {
      stopped ??= close(graceMs);
      return stopped;
    },
  };
}
