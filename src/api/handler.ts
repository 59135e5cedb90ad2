import type { Accounts } from '../accounts/accounts.ts';
import type { Caller } from '../accounts/caller.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { Cause } from '../disks/service.ts';
import { errorOf, PdiskError } from '../errors.ts';
import { createAuthentication } from './access/authentication.ts';
import { addressText } from './access/client-address.ts';
import { Audited } from './auditing.ts';
import { changes, fitsFullStore, type Operation, takesBody } from './description/operation.ts';
import { type HttpAnswer, ofError } from './http/answer.ts';
import { BODY_LIMIT, type Exchange } from './http/exchange.ts';
import { type Fields, mediaType, noFields, parseBody, parseForm } from './http/fields.ts';
import type { Head } from './http/head.ts';
import type { Answers, RememberAnswer } from './routes/idempotency.ts';
import type { OpenRoute } from './routes/open.ts';
import type { Route } from './routes/route.ts';
import { createRouter, type Found } from './routes/router.ts';

/** The refusal of a request before its body is read, in the order of docs/api-contract.md. */
function refusalOf(found: Found, head: Head): HttpAnswer | undefined {
  if (found.kind === 'nothing') return ofError(errorOf('ROUTE_UNKNOWN'));
  if (found.kind === 'method') return ofError(errorOf('METHOD_NOT_ALLOWED'), { Allow: found.allow });
  if (!takesBody(found.route.operation) || head.length === 0) return undefined;
  if (!mediaType(head.contentType)) return ofError(errorOf('MEDIA_TYPE'));
  if (head.contentCoding !== undefined) return ofError(compressed(), { 'Accept-Encoding': 'identity' });
  if ((head.length ?? 0) > BODY_LIMIT) return ofError(tooLarge());
  return undefined;
}

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** Methods that pages of other sites may use. */
const HARMLESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whether a request is to change something. */
const isChange = (found: Found): boolean => found.kind === 'route' && changes(found.route.operation);

/** Methods that take an Idempotency-Key. */
const CHANGING: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

const compressed = () => new PdiskError('MEDIA_TYPE', ['send the body as it is, without a Content-Encoding']);

const tooLarge = () => errorOf('BODY_TOO_LARGE', { detail: `at most ${BODY_LIMIT} bytes are read` });

function fieldsOfBody(head: Head, body: Awaited<ReturnType<Exchange['readBody']>> | undefined): Fields {
  if (body?.kind === 'too large') throw tooLarge();
  const inUrl = Object.keys(parseForm(head.query));
  if (inUrl.length > 0) {
    throw new PdiskError(
      'BAD_INPUT',
      inUrl.map(name => `there is no input '${name}' in the URL here`),
    );
  }
  const type = mediaType(head.contentType);
  return body?.kind === 'whole' && type ? parseBody(body.bytes, type) : noFields;
}

/** What becomes known of a request while it is handled, for its log line and its metrics. */
export interface RequestFacts {
  account: string | undefined;
  /** Whether the account has the role `service` or `admin`, so that errors may name paths of this host. */
  isTrusted: boolean;
  /** The pattern of its URL; undefined for an unknown URL. */
  route: string | undefined;
  /** Whether it is to change something; known when the handler has returned. */
  changes: boolean;
  /** Set for requests that are to change something, and for those that log in. */
  audited: Audited | undefined;
}

/**
 * Answers requests, without a promise where nothing is awaited. The order of checks is that of
 * docs/api-contract.md: authentication, route, method, media type, size, inputs, rights, state. Throws and
 * rejects with `PdiskError`s; anything else is a bug.
 */
export function createHandler(parts: {
  readonly routes: readonly Route[];
  readonly accounts: Accounts;
  /** The limit of concurrent requests. */
  readonly maxRequests: number;
  /** Throws for requests that only a misused browser sends; called before all other checks. */
  readonly checkHostAndOrigin: (head: Head, changes: boolean) => void;
  readonly open: readonly OpenRoute[];
  readonly once: Answers['once'];
  /** Whether the store accepts only requests that free room. */
  readonly isFull: () => boolean;
  /** Whether changes are refused, because the service stops. */
  readonly isDraining: () => boolean;
  readonly audit: AuditLog;
}): (exchange: Exchange, facts: RequestFacts) => HttpAnswer | Promise<HttpAnswer> {
  const { accounts, checkHostAndOrigin, once, isFull, isDraining, audit } = parts;
  const open = new Map(parts.open.map(route => [route.path, route]));
  const find = createRouter(parts.routes);
  const authenticate = createAuthentication(accounts, parts.maxRequests);

  function lookUp({ method, path }: Head): Found {
    const found = find(method, path);
    return found.kind === 'nothing' && open.has(path) ? { kind: 'method', allow: 'GET, HEAD' } : found;
  }

  return (exchange, facts) => {
    const { head } = exchange;
    if (head.broken !== undefined) throw errorOf('BAD_REQUEST', { detail: head.broken });
    const found = lookUp(head);
    facts.changes = isChange(found);
    // The address is read now: after an `await` the connection may be gone.
    const audited = (operation?: Operation, params?: readonly string[]): Audited =>
      new Audited(audit, { id: exchange.id, client: addressText(exchange.address) }, operation, params);
    if (found.kind === 'route' && facts.changes) facts.audited = audited(found.route.operation, found.params);
    if (facts.changes && isDraining()) throw errorOf('STOPPING');
    checkHostAndOrigin(head, !HARMLESS.has(head.method) || facts.changes);
    if (head.ambiguous !== undefined) throw errorOf('BAD_REQUEST', { detail: head.ambiguous });
    const answered = READING.has(head.method) ? open.get(head.path)?.answer(exchange) : undefined;
    if (answered) facts.route = head.path;
    else if (found.kind === 'route') facts.route = found.route.operation.path;
    if (answered) return answered;

    const refused = refusalOf(found, head);
    const hasBody = found.kind === 'route' && takesBody(found.route.operation);
    const body = hasBody && head.length !== 0 && !refused ? exchange.readBody() : undefined;

    function act(caller: Caller, fields: Fields): HttpAnswer | Promise<HttpAnswer> {
      if (found.kind !== 'route') throw errorOf('ROUTE_UNKNOWN');
      // While the body arrived, the account may have been changed or deleted, and the client may have gone.
      if (!accounts.isCurrent(caller)) throw errorOf('UNAUTHENTICATED');
      if (exchange.isGone) throw errorOf('BAD_REQUEST', { detail: 'the client went away' });
      if (facts.changes && isDraining()) throw errorOf('STOPPING');
      if (isFull() && !fitsFullStore(found.route.operation)) throw errorOf('STORE_FULL');
      const { account, id: accountId } = caller;
      const cause: Cause = { kind: 'request', request: exchange.id, account, accountId };
      const { route, params } = found;
      const { audited } = facts;
      audited?.about(fields);
      const act = (cause: Cause, rememberAnswer: RememberAnswer) =>
        route.answer(
          {
            caller,
            cause: audited?.cause(cause) ?? cause,
            rememberAnswer: audited?.remember(rememberAnswer) ?? rememberAnswer,
            head,
            params,
          },
          fields,
        );
      if (head.idempotencyKey === undefined || !CHANGING.has(head.method)) return act(cause, () => []);
      return once({
        head,
        caller,
        fields,
        cause,
        secret: route.secret === true,
        act: async (because, rememberAnswer) => act(because, rememberAnswer),
        recover: begun => route.recover({ caller, begun }, fields),
      });
    }

    async function change(caller: Caller): Promise<HttpAnswer> {
      const fields = hasBody ? fieldsOfBody(head, await body) : parseForm(head.query);
      await exchange.whole();
      return act(caller, fields);
    }

    function proceed(caller: Caller | undefined): HttpAnswer | Promise<HttpAnswer> {
      if (!caller) throw errorOf('UNAUTHENTICATED');
      facts.account = caller.account;
      facts.isTrusted = caller.role !== 'user';
      facts.audited?.by(caller);
      if (refused) return refused;
      return facts.changes ? change(caller) : act(caller, parseForm(head.query));
    }

    const holder = found.kind === 'route' ? found.route.holder?.(head) : undefined;
    const caller = holder ?? authenticate(exchange);
    // A login: credentials that are checked for the first time, or are wrong.
    const isLogin = caller instanceof Promise || (!caller && head.authorization !== undefined);
    if (isLogin) facts.audited ??= audited();
    return caller instanceof Promise ? caller.then(proceed) : proceed(caller);
  };
}
