import type { HttpRequest, HttpResponse, TemplatedApp, us_socket_context_t } from 'uWebSockets.js';
import { setImmediate } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type ErrorCode, errorOf, PdiskError } from '../errors.ts';
import { attemptedName } from './access/authentication.ts';
import { type Address, addressText, createClientAddress } from './access/client-address.ts';
import { createCors } from './access/cors.ts';
import { createGate } from './access/host-and-origin-check.ts';
import { createHandler, type Told } from './handler.ts';
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

/** What changes nothing, and is asked all the time. */
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);

export interface Api {
  /** Serves from now on; resolves with the port. Rejects with the reason where the address cannot be had. */
  listen(host: string, port: number): Promise<{ readonly port: number }>;
  /** Takes the certificate as its files are now, for new connections. Throws a sentence where it is no good; the old one stays. */
  reloadCertificate(): void;
  /**
   * Takes no more connections and answers 503 on those that are open, waits for the requests at work, at most `graceMs`, and then
   * closes every connection.
   */
  stop(graceMs: number): Promise<void>;
}

export interface ApiSettings {
  /** Undefined: plain HTTP. */
  readonly tls: TlsFiles | undefined;
  /** Names by which a service on a loopback address is asked, besides its own. */
  readonly hostNames: readonly string[];
  /** Origins whose pages may use the API. */
  readonly allowedOrigins: readonly string[];
  /** Addresses and networks of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  readonly maxConnections: number;
  /** How many requests may be at work; past it they are answered 503. */
  readonly maxRequests: number;
  readonly metricsAccess: MetricsAccess;
}

interface Parts extends Omit<Served, 'forget' | 'metricsAccess'> {
  /** Answers to requests with an Idempotency-Key. */
  readonly answers: Answers;
  /** Whether the store has room only for what frees some; never, where it is left out. */
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
    isParting: createConnectionRecycling(),
    clientAddress: createClientAddress(settings.trustedProxies),
  };
  const cors = createCors(settings.allowedOrigins);
  let gate: ReturnType<typeof createGate> | undefined;
  const handle = createHandler({
    ...routeTable({ ...parts, forget: answers.forget, metricsAccess: settings.metricsAccess }),
    accounts,
    maxRequests: settings.maxRequests,
    gate: (head, changes) => gate?.(head, changes),
    once: answers.once,
    isFull: parts.isFull ?? (() => false),
  });
  const logs = { debug: log.isLevelEnabled('debug'), info: log.isLevelEnabled('info') };
  let stopped: Promise<void> | undefined;
  let working = 0;
  let whenIdle = (): void => {};

  /** Logs. A full disk under the log must not end requests: what is thrown in a callback of uWebSockets.js ends the process. */
  function say(level: 'debug' | 'info' | 'error' | 'fatal', facts: object, what: string): void {
    try {
      log[level](facts, what);
    } catch {
      // There is nowhere left to say it.
    }
  }

  function errorAnswer(exchange: Exchange, error: unknown, { isTrusted }: Told): HttpAnswer {
    if (!(error instanceof PdiskError))
      say('error', { request: exchange.id, err: error }, 'a request failed');
    return isTrusted ? ofError(error) : withoutPaths(ofError(error));
  }

  function serve(exchange: Exchange): void {
    const { id: request, head } = exchange;
    const started = performance.now();
    let client: Address | undefined;
    const told: Told = { account: undefined, isTrusted: false, route: undefined };
    let finished = false;
    working += 1;

    function finish({ status, error, body }: HttpAnswer): void {
      if (finished) return;
      finished = true;
      if (typeof body !== 'string') body.free?.();
      working -= 1;
      if (working === 0) whenIdle();
      const ms = performance.now() - started;
      monitoring.figures.request(told.route, head.method, status, ms / 1000);
      const level = READING.has(head.method) && !error ? 'debug' : 'info';
      if (!logs[level]) return;
      say(
        level,
        {
          request,
          method: head.method,
          path: head.path,
          status,
          ...(error && { code: error.code, messages: error.messages }),
          ...(exchange.isGone && { aborted: true }),
          ms: Math.round(ms * 1000) / 1000,
          account: told.account,
          ...(client && { client: addressText(client) }),
          ...(isOfLogins(error?.code) && { attempted: attemptedName(head.authorization) }),
        },
        'request',
      );
    }

    const send = (answer: HttpAnswer): void =>
      exchange.send(cors.readable(answer, head), stopped !== undefined, () => finish(answer));

    let answer: HttpAnswer | Promise<HttpAnswer>;
    try {
      if (stopped) throw errorOf('STOPPING');
      if (working > settings.maxRequests) throw errorOf('BUSY');
      answer = cors.preflight(head) ?? handle(exchange, told);
    } catch (error) {
      answer = errorAnswer(exchange, error, told);
    }
    // Later its connection may be gone, and cannot be asked.
    if (logs.debug || (logs.info && (answer instanceof Promise || answer.error || !READING.has(head.method))))
      client = exchange.address;
    if (!(answer instanceof Promise)) {
      send(answer);
      return;
    }
    answer
      .catch(error => errorAnswer(exchange, error, told))
      .then(send)
      .catch(error => say('fatal', { request, err: error }, 'an answer could not be sent'));
  }

  function mount(app: TemplatedApp): void {
    const take = (response: HttpResponse, request: HttpRequest, upgrading?: us_socket_context_t): void => {
      // An exception that leaves this function ends the process.
      try {
        serve(new Exchange(response, request, network, upgrading));
      } catch (error) {
        say('fatal', { err: error }, 'a request could not be served');
      }
    };
    app.ws<Attached>('/*', { ...webSocketBehavior(events.idleSeconds), upgrade: take });
    app.any('/*', (response, request) => take(response, request));
  }
  const front = createListener({ ...settings, mount, warn: sentence => log.warn(sentence) });

  async function drain(graceMs: number): Promise<void> {
    front.refuse();
    if (working > 0) {
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, graceMs);
        whenIdle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    events.streams.stop();
    // What was answered in this very step is still corked.
    await setImmediate();
    front.close();
  }

  return {
    async listen(host, port) {
      const { hostNames, tls } = settings;
      gate = createGate({ host, secure: tls !== undefined, hostNames, isAllowed: cors.isAllowed });
      return { port: await front.listen(host, port) };
    },
    reloadCertificate: front.reload,
    stop(graceMs) {
      stopped ??= drain(graceMs);
      return stopped;
    },
  };
}
