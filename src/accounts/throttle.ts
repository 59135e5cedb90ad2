import { createLru } from '../lib/lru.ts';

/** The number of failures without a delay: people mistype. */
const FREE = 5;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
/** Failures are forgotten after this time without another one. */
const MEMORY_MS = 600_000;

/** Slows guessing: the delay doubles with each further failure, up to a limit. */
export interface Throttle {
  /** How long the next try has to wait, in milliseconds; 0: not at all. */
  waitMs(key: string): number;
  failed(key: string): void;
  succeeded(key: string): void;
}

/** Remembers the `limit` keys that were used most recently; `now` in milliseconds. */
export function createThrottle(limit: number, now: () => number): Throttle {
  const failures = createLru<string, { readonly count: number; readonly at: number }>(limit);

  const known = (key: string): { count: number; at: number } | undefined => {
    const found = failures.get(key);
    return found && now() - found.at < MEMORY_MS ? found : undefined;
  };

  return {
    waitMs(key) {
      const { count, at } = known(key) ?? { count: 0, at: 0 };
      if (count < FREE) return 0;
      const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (count - FREE));
      return Math.max(0, at + wait - now());
    },
    failed(key) {
      const count = (known(key)?.count ?? 0) + 1;
      failures.set(key, { count, at: now() });
    },
    succeeded: failures.delete,
  };
}
