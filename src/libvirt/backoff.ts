/** Exponential back-off. */
export interface BackoffSettings {
  /** Delay before the first retry, in milliseconds. */
  baseMs: number;
  /** Longest delay, in milliseconds. */
  capMs: number;
}

/**
 * Milliseconds to wait before retry number `attempt` (0 is the first). The delay doubles with each attempt up
 * to the cap, and half of it is random, so that many clients of one daemon do not all reconnect at once.
 * `random` returns numbers from 0 to below 1.
 */
export function backoffMs(attempt: number, { baseMs, capMs }: BackoffSettings, random: () => number): number {
  const full = Math.min(capMs, baseMs * 2 ** attempt);
  return full / 2 + (full / 2) * random();
}
