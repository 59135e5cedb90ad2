// Cross-Origin Resource Sharing (https://fetch.spec.whatwg.org/#http-cors-protocol), for consoles on origins that the configuration names.

import { type ResponseHeader, requestHeaders } from '../description/header-fields.ts';
import type { HttpAnswer } from '../http/answer.ts';
import type { Head } from '../http/head.ts';

/** What pages may read of an answer besides its body, its type and its length. */
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
/** How long a browser may remember what it was told, in seconds. */
const REMEMBERED_S = '600';

export interface Cors {
  /** Whether a page of an origin that may use the API asks. */
  isAllowed(head: Head): boolean;
  /** The answer to a browser that asks what a page may do; undefined where that is not asked, or not by such a page. */
  preflight(head: Head): HttpAnswer | undefined;
  /** The same answer, for the page to read where it may. */
  readable(answer: HttpAnswer, head: Head): HttpAnswer;
}

/** Pages of these origins may use the API, with credentials that they send themselves. */
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
