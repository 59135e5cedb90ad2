import { createRandom } from '../disks/support/random.ts';

/** What may happen in one step, and how often, in shares. Names of requests are those of `createRequests`. */
const SHARES = {
  create: 8,
  remove: 5,
  resize: 3,
  setLimit: 2,
  edit: 2,
  retry: 0.5,
  hotattach: 20,
  hotdetach: 12,
  detach: 4,
  attach: 3,
  define: 2,
  forced: 1,
  declareDead: 1,
  declareAlive: 0.5,
  agree: 0.3,
  putAccount: 1,
  removeAccount: 1,
  setQuota: 1,
  list: 2,
  drift: 1,
  /** Something happens to a VM or to a host: see `createMishaps`. */
  mishap: 22,
  redefine: 1.5,
  /** Several things in close succession: see `createSequences`. */
  startFromLiveXml: 1.5,
  endOfAnEarlierRun: 1.5,
  powerOff: 0.5,
  /** A host that is away comes back, or a VM is started. */
  repair: 9,
  crash: 0.8,
  stop: 0.3,
  breakStore: 0.2,
  suspend: 0.1,
} as const;

export type Act = keyof typeof SHARES;

/**
 * One step of a run: what is done, the seed of everything that it leaves to chance, and how long to wait
 * then.
 */
export interface Step {
  readonly act: Act;
  readonly salt: number;
  /** In milliseconds. */
  readonly waitMs: number;
}

const TOTAL = Object.values(SHARES).reduce((sum, share) => sum + share, 0);
/** Most steps follow closely on the last one; a few come after a deadline may have passed. */
const WAITS = [0, 0, 0, 2, 5, 10, 20, 50, 100, 200, 500, 1000] as const;
const LONG_WAITS = [6000, 15_000, 40_000] as const;

/** The steps of a run, by its seed. */
export function planOf(seed: number, count: number): Step[] {
  const random = createRandom(seed ^ 0x5f356495);
  return Array.from({ length: count }, () => {
    let share = (random.below(1_000_000) / 1_000_000) * TOTAL;
    const acts = Object.entries(SHARES) as [Act, number][];
    const found = acts.find(([, size]) => {
      share -= size;
      return share < 0;
    });
    const waits = random.chance(0.015) ? LONG_WAITS : WAITS;
    return {
      act: found?.[0] ?? 'mishap',
      salt: random.below(2 ** 32),
      waitMs: random.pick<number>(waits) ?? 0,
    };
  });
}
