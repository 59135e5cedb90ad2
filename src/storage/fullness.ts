// An over-committed or shared pool may run full while guests write to it, and then their writes fail. This
// watch warns the administrator early enough to extend the pool.
import { sentenceOf } from '../errors.ts';
import type { Pool, Use } from './pool.ts';

/** How full a pool is, as a warning level. */
export type Level = 'ok' | 'high' | 'full';

/** The use of one resource of a pool, with its level. */
export interface Fullness extends Use {
  /** `high`: the pool should be extended; `full`: a thin pool accepts no new disk and no resize. */
  readonly level: Level;
}

/**
 * The use in percent at which a level begins. It is lower for a thin pool's metadata, which can fill quickly
 * when guests write to many new blocks.
 */
const FROM: Readonly<Record<Use['what'], Readonly<Record<'high' | 'full', number>>>> = {
  data: { high: 75, full: 90 },
  metadata: { high: 60, full: 80 },
};
/** Hysteresis in percent: a level ends this far below its beginning, so that it does not flap. */
const SLACK = 2;

/** The level of a use; `before` is the previous level, for the hysteresis. */
export function levelOf({ what, percent }: Use, before: Level = 'ok'): Level {
  const from = (level: 'high' | 'full', was: boolean): boolean =>
    percent >= FROM[what][level] - (was ? SLACK : 0);
  if (from('full', before === 'full')) return 'full';
  return from('high', before !== 'ok') ? 'high' : 'ok';
}

/** A periodic check of a pool's use. */
export interface FullnessWatch {
  /**
   * Asks the pool and reports each level that has changed. Never rejects; a pool that fails changes no level.
   */
  look(): Promise<void>;
  /** The use last seen; empty for a pool whose volumes are fully allocated. */
  now(): readonly Fullness[];
  stop(): void;
}

/**
 * Checks the use of a pool now and every `everyMs` milliseconds; the timer does not keep the process alive.
 */
export function watchFullness(parts: {
  readonly pool: Pick<Pool, 'use'>;
  readonly everyMs: number;
  /** Called for each level that has changed. */
  readonly tell: (change: Fullness) => void;
  readonly log: { warn(sentence: string): void };
}): FullnessWatch {
  const { pool, everyMs, tell, log } = parts;
  const known = new Map<Use['what'], Fullness>();

  /** Why the pool last failed; a failure is logged only when its reason changes, and the recovery once. */
  let away: string | undefined;
  async function ask(): Promise<readonly Use[]> {
    try {
      const uses = await pool.use();
      if (away !== undefined) log.warn('the pool can be used again');
      away = undefined;
      return uses;
    } catch (error) {
      const why = sentenceOf(error);
      if (why !== away) log.warn(why);
      away = why;
      return [];
    }
  }

  async function look(): Promise<void> {
    for (const use of await ask()) {
      const before = known.get(use.what)?.level ?? 'ok';
      const found = { ...use, level: levelOf(use, before) };
      known.set(use.what, found);
      if (found.level === before) continue;
      log.warn(`the pool is ${use.percent} % full of ${use.what}: ${found.level}`);
      tell(found);
    }
  }

  const timer = setInterval(() => void look(), everyMs).unref();
  void look();
  return { look, now: () => [...known.values()], stop: () => clearInterval(timer) };
}
