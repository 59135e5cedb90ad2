/**
 * A monotonic clock: milliseconds since 1970, which only go forward while the process lives. For deadlines
 * and all other waits: with the system's clock, which may be set, a wait may never end or end at once.
 */
export const monotonicNow = (): number => performance.timeOrigin + performance.now();

/**
 * A time in milliseconds since 1970 that starts at `start` and advances with the process's own run time,
 * whatever happens to the system's clock. For records that are deleted by age: a system clock that is set
 * ahead must not delete all of them at once. `monotonic` is a monotonic clock in milliseconds.
 */
export function agingFrom(start: number, monotonic = () => performance.now()): () => number {
  const began = monotonic();
  return () => start + monotonic() - began;
}
