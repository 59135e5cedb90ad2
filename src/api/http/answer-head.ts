import { STATUS_CODES } from 'node:http';
import type { HttpAnswer } from './answer.ts';

/** Status and reason phrase, as `404 Not Found`. */
export const statusLine = (status: number): string => `${status} ${STATUS_CODES[status] ?? ''}`;

/**
 * On every answer. Texts also get a policy: pages load nothing from other origins and run no inline script.
 */
const OF_EVERY = '\r\nX-Content-Type-Options: nosniff';
const OF_TEXTS = `${OF_EVERY}\r\nContent-Security-Policy: default-src 'self'`;
/** The default: nothing stores the answer. */
const OF_NOW = '\r\nCache-Control: no-store';

/**
 * The value of Content-Type and all other header fields as one string: to pass them to uWebSockets.js one by
 * one is the largest cost of a short answer. No value contains a line break: texts of clients came in
 * headers, or are percent-encoded.
 */
export function fieldsOf({ type, headers }: HttpAnswer, id: string): string {
  let fields = `${type}\r\nX-Request-Id: ${id}${type.startsWith('text/') ? OF_TEXTS : OF_EVERY}`;
  if (!headers || !('Cache-Control' in headers)) fields += OF_NOW;
  for (const name in headers) fields += `\r\n${name}: ${headers[name]}`;
  return fields;
}
