import { STATUS_CODES } from 'node:http';
import type { HttpAnswer } from './answer.ts';

export const statusLine = (status: number): string => `${status} ${STATUS_CODES[status] ?? ''}`;

/** On every answer; on texts, too, that a page loads nothing from elsewhere and runs nothing that stands in it. */
const OF_EVERY = '\r\nX-Content-Type-Options: nosniff';
const OF_TEXTS = `${OF_EVERY}\r\nContent-Security-Policy: default-src 'self'`;
/** Answers are for whoever asked, and for now, unless they say otherwise themselves. */
const OF_NOW = '\r\nCache-Control: no-store';

/**
 * The header fields of an answer behind the name of the first: to hand them to uWebSockets.js one by one costs more than all else that
 * is done for a short answer. No value has a line end in it: the client's own texts came in headers, or are percent-encoded.
 */
export function fieldsOf({ type, headers }: HttpAnswer, id: string): string {
  let fields = `${type}\r\nX-Request-Id: ${id}${type.startsWith('text/') ? OF_TEXTS : OF_EVERY}`;
  if (!headers || !('Cache-Control' in headers)) fields += OF_NOW;
  for (const name in headers) fields += `\r\n${name}: ${headers[name]}`;
  return fields;
}
