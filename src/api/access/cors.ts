// Cross-Origin Resource Sharing (https://fetch.spec.whatwg.org/#http-cors-protocol), for pages of origins
// that the configuration names.

import { type ResponseHeader, requestHeaders } from '../description/header-fields.ts';
import type { HttpAnswer } from '../http/answer.ts';
import type { Head } from '../http/head.ts';

/** Header fields that pages may read, besides those that they always may (type, length). */
const EXPOSED: readonly ResponseHeader[] = [
  'X-Request-Id',
  'X-Error-Code',
  'X-DiskUser-Limit',
  'X-DiskUser-Remaining',
  'ETag',
  'Link',
  'Retry-After',
  'Allow',
];
const METHODS = 'DELETE, GET, HEAD, PATCH, POST, PUT';
const SENDABLE = ['Authorization', 'Content-Type', ...Object.keys(requestHeaders)].join(', ');
/** Seconds for which a browser may cache the answer to a preflight request. */
const REMEMBERED_S = '600';

/** Cross-Origin Resource Sharing. */
export interface Cors {
  /** Whether the request comes from a page of an allowed origin. */
  isAllowed(head: Head): boolean;
  /** The answer to a preflight request from an allowed origin; undefined for any other request. */
  preflight(head: Head): HttpAnswer | undefined;
  /** The answer with the headers that let a page of an allowed origin read it. */
  readable(answer: HttpAnswer, head: Head): HttpAnswer;
}

/** CORS for these origins. Their pages send credentials themselves, in the header Authorization. */
export function createCors(allowedOrigins: readonly string[]): Cors {
  const origins = new Set(allowedOrigins);
  const isAllowed = ({ origin }: Head): boolean => origin !== undefined && origins.has(origin.toLowerCase());
  const headersFor = ({ origin = '' }: Head) => ({ 'Access-Control-Allow-Origin': origin, Vary: 'Origin' });

  return {
    isAllowed,
    preflight(head) {
      if (head.method !== 'OPTIONS' || !head.asksForMethod || !isAllowed(head)) return undefined;
      const headers = {
        'Access-Control-Allow-Methods': METHODS,
        'Access-Control-Allow-Headers': SENDABLE,
        'Access-Control-Max-Age': REMEMBERED_S,
      };
      return { status: 200, type: 'text/plain; charset=utf-8', body: '', headers };
    },
    readable(answer, head) {
      if (!isAllowed(head)) return answer;
      const exposed = { 'Access-Control-Expose-Headers': EXPOSED.join(', ') };
      return { ...answer, headers: { ...answer.headers, ...headersFor(head), ...exposed } };
    },
  };
}
