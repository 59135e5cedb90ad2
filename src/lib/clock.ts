/**
 * The time in milliseconds since 1970, by a clock that only goes forward while the process lives: for deadlines and everything else
 * that waits. Somebody may set the system's clock; a wait that compares with that may never end, or end at once.
 */
export const monotonicNow = (): number => performance.timeOrigin + performance.now();

/**
 * A time in milliseconds since 1970 that goes on from `start` at the pace of the process's life, whatever is done to the system's clock: for what is
 * to be forgotten some day. Somebody may set that clock ahead, and must not thereby forget everything at once. `steady`: a clock that only
 * goes forward.
 */
export function agingFrom(start: number, steady = () => performance.now()): () => number {
  const began = steady();
  return () => start + steady() - began;
}
