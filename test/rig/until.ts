import { setTimeout as delay } from 'node:timers/promises';

/** In the guest with device-mapper a look takes what it looks at much of its one processor. */
const OFTEN_MS = process.env.PDISK_LVM_GUEST === '1' ? 200 : 20;

/**
 * Looks again and again until there is something to see.
 *
 * @param look answers undefined or false for as long as there is nothing
 * @param what what is waited for, for the error
 * @param limit how long to look (60,000 ms), how often (every 20 ms, or ten times as long in that guest), and what to add to the error
 * @returns what look answered
 * @throws Error when the time is up
 */
export async function until<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  what: string,
  {
    timeoutMs = 60_000,
    everyMs = OFTEN_MS,
    hint,
  }: { timeoutMs?: number; everyMs?: number; hint?: () => string } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > deadline) {
      throw new Error([`Waited ${timeoutMs} ms for ${what}`, hint?.() ?? ''].join('\n').trimEnd());
    }
    await delay(everyMs);
  }
}
