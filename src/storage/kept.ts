/**
 * Answers what `find` found lately: looked up at most every 10 s, and less often where looking takes long, so that it never takes more
 * than a twentieth of the time. Those who ask while it is being looked up share the answer.
 */
export function kept<T>(find: () => Promise<T>): () => Promise<T> {
  const KEEP_MS = 10_000;
  const KEEP_TIMES = 20;
  let known: { value: T; until: number } | undefined;
  let finding: Promise<T> | undefined;

  const look = async (): Promise<T> => {
    const start = performance.now();
    const value = await find();
    const end = performance.now();
    known = { value, until: end + Math.max(KEEP_MS, KEEP_TIMES * (end - start)) };
    return value;
  };

  return () => {
    if (known && performance.now() < known.until) return Promise.resolve(known.value);
    finding ??= look().finally(() => {
      finding = undefined;
    });
    return finding;
  };
}
