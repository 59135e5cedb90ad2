import { randomInt } from 'node:crypto';

/** How many answers without a body are given before one that is the last on its connection. */
const FEWEST = 100;
const MOST = 200;

/** Whether an answer without a body shall be the last on its connection. */
export type ConnectionRecycling = () => boolean;

/**
 * A client that asks and never reads makes uWebSockets.js queue its answers. Where they have a body, it tells that the client lags,
 * and no more is answered until the client has read. Of answers without one it tells nothing, so now and then such an answer ends its
 * connection, and the queue with it: HTTP/1.1 leaves that to the server. Nobody can foresee when, and let a connection that matters
 * less be the one.
 */
export function createConnectionRecycling(): ConnectionRecycling {
  let left = randomInt(FEWEST, MOST);
  return () => {
    left -= 1;
    if (left > 0) return false;
    left = randomInt(FEWEST, MOST);
    return true;
  };
}
