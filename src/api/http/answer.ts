import { type ErrorCode, errorOf, PdiskError } from '../../errors.ts';
import type { Live } from './event-transports.ts';

/** A body that is too long to copy for each client: it is produced in chunks as the client takes them. */
export interface LongBody {
  /** Length of the whole body in bytes. */
  readonly bytes: number;
  chunks(): Iterator<Buffer, undefined>;
  /** Called once, when no more chunks are needed. */
  free?(): void;
}

/** The answer to a request. */
export interface HttpAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string | LongBody;
  /** Set where the answer has no end; `status` and `body` are then those of the answer to HEAD. */
  readonly live?: Live;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Id of the token that the request made, for the audit; it is not sent. */
  readonly token?: string;
  /** Set on errors. */
  readonly error?: { readonly code: ErrorCode; readonly messages: readonly string[] };
}

/** An answer whose body is this value as compact JSON. */
export const json = (value: unknown, status = 200, headers?: HttpAnswer['headers']): HttpAnswer =>
  jsonText(JSON.stringify(value), status, headers);

/** An answer whose body is JSON text. */
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

// Retry-After in seconds, by status, where the error itself has none. A queue of logins takes less than two
// seconds; a node or the pool takes longer to come back.
const retryAfter: Readonly<Record<number, string>> = { 429: '2', 503: '5' };

/** The only version of the WebSocket protocol (RFC 6455, section 4.1). */
export const WEBSOCKET_VERSION = '13';

/** Additional header fields by error code. */
const headersOf: Partial<Record<ErrorCode, Readonly<Record<string, string>>>> = {
  UNAUTHENTICATED: { 'WWW-Authenticate': 'Basic realm="pdisk"' },
  WEBSOCKET_VERSION: { Upgrade: 'websocket', 'Sec-WebSocket-Version': WEBSOCKET_VERSION },
};

/** The answer to an error. Anything but a `PdiskError` is answered as INTERNAL, without its own text. */
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
