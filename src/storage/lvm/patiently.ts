import { setTimeout as delay } from 'node:timers/promises';
import { classify } from './failure.ts';

const FIRST_MS = 100;
const LONGEST_MS = 2_000;

/** Tries again, ever less often, while what is needed is in use or locked; until the signal is aborted. */
export async function patiently<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let pause = FIRST_MS; ; pause = Math.min(LONGEST_MS, 2 * pause)) {
    try {
      return await attempt();
    } catch (error) {
      if (classify(error) !== 'busy') throw error;
      // Its own words are the better reason, if there is no time for another try.
      await delay(pause, undefined, { signal }).catch(() => {
        throw error;
      });
    }
  }
}
