import { setTimeout as delay } from 'node:timers/promises';

/**
 * Looks again and again until there is something to see.
 *
 * @param look answers undefined or false for as long as there is nothing
 * @param what what is waited for, for the error
 * @param limit how long to look (30,000 ms), how often (every 20 ms), and what to add to the error
 * @returns what look answered
 * @throws Error when the time is up
 */
export async function until<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  what: string,
  {
    timeoutMs = 30_000,
    everyMs = 20,
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
