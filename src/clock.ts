/**
 * The time in milliseconds since 1970, by a clock that only goes forward while the process lives: for deadlines and everything else
 * that waits. Somebody may set the system's clock; a wait that compares with that may never end, or end at once.
 */
export const steadyNow = (): number => performance.timeOrigin + performance.now();
