import { setTimeout as delay } from 'node:timers/promises';
import { classify } from './failure.ts';

const FIRST_MS = 100;
const LONGEST_MS = 2_000;

/**
 * Tries again, ever less often, while what is needed is in use or locked; until the signal is aborted. Then LVM's own words, if it had
 * any, are the reason.
 */
export async function retryWhileBusy<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
  let busy: unknown;
  for (let pause = FIRST_MS; ; pause = Math.min(LONGEST_MS, 2 * pause)) {
    try {
      return await attempt();
    } catch (error) {
      if (signal.aborted) throw busy ?? error;
      if (classify(error) !== 'busy') throw error;
      busy = error;
    }
    await delay(pause, undefined, { signal }).catch(() => {
      throw busy;
    });
  }
}
