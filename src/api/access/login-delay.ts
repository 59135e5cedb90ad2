import { setTimeout as delay } from 'node:timers/promises';
import { PdiskError } from '../../errors.ts';

const DELAY_MS = 250;
/** At most so many are delayed at once, and at most this share of the concurrent requests. */
const MAX_DELAYED = 256;
const MAX_SHARE = 1 / 4;

/**
 * Delays TOO_MANY_LOGINS by 250 ms: clients that ignore Retry-After would otherwise retry at once, and take
 * time from others. The function that is returned always rejects with the error that it is given.
 * `maxRequests`: the limit of concurrent requests.
 */
export function createLoginDelay(maxRequests: number): (error: unknown) => Promise<never> {
  const most = Math.min(MAX_DELAYED, Math.floor(maxRequests * MAX_SHARE));
  let delayed = 0;

  return async error => {
    if (error instanceof PdiskError && error.code === 'TOO_MANY_LOGINS' && delayed < most) {
      delayed += 1;
      await delay(DELAY_MS);
      delayed -= 1;
    }
    throw error;
  };
}
