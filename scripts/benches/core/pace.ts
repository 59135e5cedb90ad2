import { setTimeout as delay, setImmediate as next } from 'node:timers/promises';

/** Timers are late by up to about this many milliseconds: the rest of a wait polls the clock. */
const COARSE_MS = 1.5;

async function waitUntil(time: number): Promise<void> {
  const early = time - performance.now() - COARSE_MS;
  if (early > 0) await delay(early);
  while (performance.now() < time) await next();
}

/**
 * An open loop: starts `perSecond` requests per second for `seconds`, whether earlier ones have been answered
 * or not. Resolves with their latencies in milliseconds, counted from the moment when each should have begun.
 * A client that waits for one answer before the next request (a closed loop) does not see how long other
 * clients would have waited.
 */
export async function openLoop(
  perSecond: number,
  seconds: number,
  ask: (index: number) => Promise<unknown>,
): Promise<number[]> {
  const begun = performance.now();
  const latencies: Promise<number>[] = [];
  for (let index = 0; index < perSecond * seconds; index += 1) {
    const intended = begun + (index * 1000) / perSecond;
    await waitUntil(intended);
    latencies.push(ask(index).then(() => performance.now() - intended));
  }
  return Promise.all(latencies);
}
