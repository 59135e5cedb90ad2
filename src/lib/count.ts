/** A number of things in progress. */
export interface Count {
  now(): number;
  up(): void;
  down(): void;
  /** Resolves when the number is 0, after `limitMs` milliseconds at the latest. */
  zero(limitMs: number): Promise<void>;
}

/** Creates a count of nothing. */
export function createCount(): Count {
  let number = 0;
  let tell = (): void => {};
  return {
    now: () => number,
    up() {
      number += 1;
    },
    down() {
      number -= 1;
      if (number === 0) tell();
    },
    async zero(limitMs) {
      if (number === 0) return;
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, limitMs);
        tell = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    },
  };
}
