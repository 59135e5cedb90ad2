import type { HttpResponse } from 'uWebSockets.js';
import type { LongBody } from './answer.ts';

function* whole(text: string): Generator<Buffer, undefined> {
  yield Buffer.from(text);
}

/**
 * Sends a body no faster than the client takes it: a client that reads nothing costs one chunk of memory, not
 * the whole body, which `end` would copy into the buffer of the socket. Returns true if all is sent; else
 * `finished` is called when it is. uWebSockets.js aborts a response that makes no progress for 10 to 14 s.
 */
export function stream(response: HttpResponse, body: string | LongBody, finished: () => void): boolean {
  const text = typeof body === 'string' ? body : undefined;
  const total = typeof body === 'string' ? Buffer.byteLength(body) : body.bytes;
  if (text !== undefined) {
    const [, ended] = response.tryEnd(text, total);
    if (ended) return true;
  }
  const chunks = typeof body === 'string' ? whole(body) : body.chunks();
  let chunk = chunks.next().value;
  let start = 0;

  /** Writes from this offset in bytes on; returns false when the socket takes no more for now. */
  const write = (offset: number): boolean => {
    let from = offset;
    while (chunk) {
      const [taken, ended] = response.tryEnd(chunk.subarray(from - start), total);
      if (ended) {
        finished();
        return true;
      }
      if (!taken) return false;
      start += chunk.length;
      from = start;
      chunk = chunks.next().value;
    }
    return true;
  };

  response.onWritable(write);
  if (text === undefined) write(0);
  return false;
}
