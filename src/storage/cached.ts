const FRESH_MS = 10_000;
const FRESH_TIMES = 20;

interface Keeping {
  /** How long after a new look was due the last answer will still do, in milliseconds. */
  readonly overdueMs?: number;
  /** Whether what was found last still counts: somebody may have come to know better. */
  readonly counts?: () => boolean;
  readonly now?: () => number;
}

/**
 * Answers what `find` found lately: looked up at most every 10 s, and less often where looking takes long, so that it never takes more
 * than a twentieth of the time. Who asks later sets a new look going. He is given the last answer all the same while it will still do;
 * else, and where the last look failed, he waits, together with all others who ask.
 */
export function cached<T>(
  find: () => Promise<T>,
  { overdueMs = 0, counts = () => true, now = () => performance.now() }: Keeping = {},
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
    // Whoever asks next is told.
    finding.catch(() => {});
    return known.value;
  };
}
