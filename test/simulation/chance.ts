import { createRandom, type Random } from '../disks/support/random.ts';

/** How a run treats the service: drawn once from its seed. */
export interface Temper {
  /** How often a message or a write is slow: 0 to 1. */
  readonly slowness: number;
  /** How often an answer is lost: 0 to 1. */
  readonly losses: number;
  /** How often the pool fails: 0 to 1. */
  readonly poolFailures: number;
}

/** Everything that is left to chance. Each step of a run seeds it anew, so that a step that is left out does
 * not change what comes after the next one. */
export interface Chance {
  readonly random: Random;
  reseed(seed: number): void;
  /** From now on nothing fails or is slow. */
  calm(): void;
  /** How long a message travels, in milliseconds. */
  delayMs(): number;
  fault(): 'no answer' | undefined;
  /** How a request to the pool ends. */
  poolFault(): 'refused' | 'broken' | 'half done' | 'hangs' | undefined;
}

/** The chances of one run. */
export function createChance(seed: number, temper: Temper): Chance {
  let random = createRandom(seed);
  let isCalm = false;
  const often = (share: number): boolean => !isCalm && random.chance(share);

  return {
    get random() {
      return random;
    },
    reseed(next) {
      random = createRandom(next);
    },
    calm() {
      isCalm = true;
    },
    delayMs() {
      if (!often(temper.slowness)) return 1 + random.below(4);
      return random.pick([10, 50, 250, 1000, 4000, 15_000]) ?? 1;
    },
    fault: () => (often(temper.losses) ? 'no answer' : undefined),
    poolFault() {
      if (!often(temper.poolFailures)) return undefined;
      return random.pick(['refused', 'broken', 'half done', 'hangs'] as const);
    },
  };
}
