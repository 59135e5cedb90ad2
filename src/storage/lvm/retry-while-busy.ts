import { setTimeout as delay } from 'node:timers/promises';
import { classify } from './failure.ts';

const FIRST_MS = 100;
const LONGEST_MS = 2_000;

/**
 * Repeats `attempt` with growing pauses (0.1 s to 2 s) while it fails because something is in use or locked.
 * When the signal is aborted, it rejects with LVM's last error of that kind, if there was one.
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
