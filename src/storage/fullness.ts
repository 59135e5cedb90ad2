// Who over-commits a pool, or shares it, lives with the chance that it runs full while guests write to it: their writes then
// fail. Somebody must hear of it while there is time to add to it.
import { sentenceOf } from '../errors.ts';
import type { Pool, Use } from './pool.ts';

export type Level = 'ok' | 'high' | 'full';

/** How full a pool is of one thing. */
export interface Fullness extends Use {
  /** `high`: time to add to the pool; `full`: a thin pool promises nothing more from here on. */
  readonly level: Level;
}

/** From which use on, in percent. Of a thin pool's metadata less is enough: it runs full at once, when many blocks are shared out. */
const FROM: Readonly<Record<Use['what'], Readonly<Record<'high' | 'full', number>>>> = {
  data: { high: 75, full: 90 },
  metadata: { high: 60, full: 80 },
};
/** A level ends only this far below where it begins, in percent: what goes up and down does not warn each time. */
const SLACK = 2;

/** The level of a use, where the last one known was `before`. */
export function levelOf({ what, percent }: Use, before: Level = 'ok'): Level {
  const from = (level: 'high' | 'full', was: boolean): boolean =>
    percent >= FROM[what][level] - (was ? SLACK : 0);
  if (from('full', before === 'full')) return 'full';
  return from('high', before !== 'ok') ? 'high' : 'ok';
}

export interface FullnessWatch {
  /** Asks the pool, and tells of a level that has changed. Never rejects; a pool that does not say has no news. */
  look(): Promise<void>;
  /** As last seen; a pool whose volumes have their room for certain has nothing here. */
  now(): readonly Fullness[];
  stop(): void;
}

/** Looks at a pool every `everyMs` milliseconds. */
export function watchFullness(parts: {
  readonly pool: Pick<Pool, 'use'>;
  readonly everyMs: number;
  /** Told of every level that has changed. */
  readonly tell: (change: Fullness) => void;
  readonly log: { warn(sentence: string): void };
}): FullnessWatch {
  const { pool, everyMs, tell, log } = parts;
  const known = new Map<Use['what'], Fullness>();

  /** A pool that cannot be used is told once, and so is its coming back. */
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
