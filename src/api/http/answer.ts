import { type ErrorCode, errorOf, PdiskError } from '../../errors.ts';
import type { Live } from './event-transports.ts';

/** A body too long to be built for each client at once: it is made piece by piece as the client takes it. */
export interface LongBody {
  readonly bytes: number;
  chunks(): Iterator<Buffer, undefined>;
  /** Called once, when nothing of it is needed any more. */
  free?(): void;
}

export interface HttpAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string | LongBody;
  /** Set where the answer has no end; `status` and `body` are then for who wants its head only. */
  readonly live?: Live;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Set on errors. */
  readonly error?: { readonly code: ErrorCode; readonly messages: readonly string[] };
}

/** An answer of this shape, as compact JSON. */
export const json = (value: unknown, status = 200, headers?: HttpAnswer['headers']): HttpAnswer =>
  jsonText(JSON.stringify(value), status, headers);

/** An answer whose body is JSON already. */
export const jsonText = (
  body: string | LongBody,
  status = 200,
  headers?: HttpAnswer['headers'],
): HttpAnswer => ({
  status,
  type: 'application/json',
  body,
  headers,
});

// Seconds. A queue of logins is through in less than two; a node or the pool takes longer to come back.
const retryAfter: Readonly<Record<number, string>> = { 429: '2', 503: '5' };

/** The only version of the WebSocket protocol that there is (RFC 6455, section 4.1). */
export const WEBSOCKET_VERSION = '13';

/** What answers to some errors say besides. */
const headersOf: Partial<Record<ErrorCode, Readonly<Record<string, string>>>> = {
  UNAUTHENTICATED: { 'WWW-Authenticate': 'Basic realm="pdisk"' },
  WEBSOCKET_VERSION: { Upgrade: 'websocket', 'Sec-WebSocket-Version': WEBSOCKET_VERSION },
};

/** What a client is told of an error; of one that is not a PdiskError only that it happened. */
export function ofError(error: unknown, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  const { code, status, messages, retryAfterS } = error instanceof PdiskError ? error : errorOf('INTERNAL');
  const seconds = retryAfterS?.toString() ?? retryAfter[status];
  return {
    ...json({ message: messages }, status),
    headers: {
      'X-Error-Code': code,
      ...headersOf[code],
      ...(seconds === undefined ? {} : { 'Retry-After': seconds }),
      ...headers,
    },
    error: { code, messages },
  };
}
