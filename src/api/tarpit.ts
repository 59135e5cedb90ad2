import { setTimeout as delay } from 'node:timers/promises';
import { PdiskError } from '../errors.ts';

const HOLD_MS = 250;
/** How many are held at once: each takes one of the requests that may be at work. */
const MOST = 256;

/**
 * Who is sent away with TOO_MANY_LOGINS and does not heed it would be back at once, and take the time of those who work. So he is told
 * a little later. Rethrows the error of a login.
 */
export function createTarpit(): (error: unknown) => Promise<never> {
  let held = 0;

  return async error => {
    if (error instanceof PdiskError && error.code === 'TOO_MANY_LOGINS' && held < MOST) {
      held += 1;
      await delay(HOLD_MS);
      held -= 1;
    }
    throw error;
  };
}
