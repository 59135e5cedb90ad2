import { setTimeout as delay, setImmediate as next } from 'node:timers/promises';

/** Timers are late by up to about this many milliseconds: the rest is waited for by looking at the clock. */
const COARSE_MS = 1.5;

async function waitUntil(time: number): Promise<void> {
  const early = time - performance.now() - COARSE_MS;
  if (early > 0) await delay(early);
  while (performance.now() < time) await next();
}

/**
 * Asks `perSecond` times a second for so many seconds, whether what was asked before has been answered or not, and resolves with how
 * long each took, in milliseconds from the moment when it should have begun: a client that waits for one answer before it asks again
 * does not see how long others would have waited.
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
