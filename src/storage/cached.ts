const FRESH_MS = 10_000;
const FRESH_TIMES = 20;

interface CacheOptions {
  /** How long an old value may be returned while it is refreshed, in milliseconds. Default 0. */
  readonly overdueMs?: number;
  /** Whether the cached value is still valid; asked before each use. */
  readonly counts?: () => boolean;
  /** A monotonic clock in milliseconds. */
  readonly now?: () => number;
}

/**
 * A stale-while-revalidate cache of one value. A value is fresh for 10 s or for 20 times as long as `find`
 * took, whichever is longer, so that at most a twentieth of the time is spent in `find`. Then the next call
 * starts a refresh in the background and still gets the old value for `overdueMs`. After that, and after a
 * failure of `find`, all callers wait for one shared refresh.
 */
export function cached<T>(
  find: () => Promise<T>,
  { overdueMs = 0, counts = () => true, now = () => performance.now() }: CacheOptions = {},
): () => Promise<T> {
  let known: { readonly value: T; readonly freshUntil: number } | undefined;
  let finding: Promise<T> | undefined;

  async function look(): Promise<T> {
    const start = now();
    try {
      const value = await find();
      const end = now();
      known = { value, freshUntil: end + Math.max(FRESH_MS, FRESH_TIMES * (end - start)) };
      return value;
    } catch (error) {
      known = undefined;
      throw error;
    } finally {
      finding = undefined;
    }
  }

  return async () => {
    const time = now();
    if (!counts()) known = undefined;
    if (known && time < known.freshUntil) return known.value;
    finding ??= look();
    if (!known || time >= known.freshUntil + overdueMs) return finding;
    // A failure empties the cache: the next caller waits for a new look-up.
    finding.catch(() => {});
    return known.value;
  };
}
