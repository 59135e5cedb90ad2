import { createLru } from '../lib/lru.ts';

/** How many clients are told apart; beyond it the least recent begins anew. */
const CLIENTS = 10_000;

interface Bucket {
  tokens: number;
  at: number;
}

/** How much passes at once, and how long it takes until one more passes, in milliseconds. */
interface Rate {
  readonly burst: number;
  readonly everyMs: number;
}

/** Takes one token; returns whether there was one. */
function take(bucket: Bucket, { burst, everyMs }: Rate, now: number): boolean {
  bucket.tokens = Math.min(burst, bucket.tokens + Math.max(0, now - bucket.at) / everyMs);
  bucket.at = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

/**
 * Returns a function that says whether one more entry about a client may be written: within the rate of the
 * client and within that of all. `now`: milliseconds, never backwards.
 */
export function createBuckets(rates: { readonly client: Rate; readonly all: Rate }, now: () => number) {
  const clients = createLru<string, Bucket>(CLIENTS);
  const all: Bucket = { tokens: rates.all.burst, at: now() };

  return (client: string): boolean => {
    const time = now();
    const bucket = clients.get(client) ?? { tokens: rates.client.burst, at: time };
    clients.set(client, bucket);
    return take(bucket, rates.client, time) && take(all, rates.all, time);
  };
}
