import { setTimeout as delay } from 'node:timers/promises';
import { PdiskError } from '../../errors.ts';

const HOLD_MS = 250;
/** How many are held at once, and which part of the requests that may be at work: each takes one of them. */
const MOST = { held: 256, share: 1 / 4 };

/**
 * Who is sent away with TOO_MANY_LOGINS and does not heed it would be back at once, and take the time of those who work. So he is told
 * a little later. Rethrows the error of a login. `maxRequests`: how many may be at work.
 */
export function createLoginDelay(maxRequests: number): (error: unknown) => Promise<never> {
  const most = Math.min(MOST.held, Math.floor(maxRequests * MOST.share));
  let held = 0;

  return async error => {
    if (error instanceof PdiskError && error.code === 'TOO_MANY_LOGINS' && held < most) {
      held += 1;
      await delay(HOLD_MS);
      held -= 1;
    }
    throw error;
  };
}
