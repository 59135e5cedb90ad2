import { randomInt } from 'node:crypto';

/** Bounds of the number of answers without a body up to one that closes its connection. */
const MIN_ANSWERS = 100;
const MAX_ANSWERS = 200;

/** Whether this answer without a body closes its connection. Each call counts one answer. */
export type ConnectionRecycling = () => boolean;

/**
 * A client that sends requests and never reads makes uWebSockets.js queue the answers. For answers with a
 * body, uWebSockets.js reports backpressure, and nothing more is answered until the client has read. For
 * answers without a body it reports none, so after a random number of them one closes its connection and with
 * it drops the queue; HTTP/1.1 lets a server do so. The count is over all connections and random, so that a
 * client cannot sacrifice a spare connection to it.
 */
export function createConnectionRecycling(): ConnectionRecycling {
  let left = randomInt(MIN_ANSWERS, MAX_ANSWERS);
  return () => {
    left -= 1;
    if (left > 0) return false;
    left = randomInt(MIN_ANSWERS, MAX_ANSWERS);
    return true;
  };
}
