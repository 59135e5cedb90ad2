import { setTimeout as delay } from 'node:timers/promises';

/**
 * The interval of polling, in milliseconds: in the guest with device-mapper, polling takes time from what is
 * polled.
 */
const OFTEN_MS = process.env.PDISK_LVM_GUEST === '1' ? 200 : 20;

/**
 * Polls until there is a result.
 *
 * @param look returns undefined or false as long as there is no result
 * @param what what is waited for, for the error message
 * @param limit how long to poll (default: 60,000 ms), how often (default: every 20 ms, or ten times as long
 * in that guest), and what to add to the error message
 * @returns the result of `look`
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
