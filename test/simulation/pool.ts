// The pool of the simulation. Volumes outlive the process of the service; a request that a crash interrupts
// has taken effect, in part, or not at all.
import { setTimeout as delay } from 'node:timers/promises';
import { errorOf } from '../../src/errors.ts';
import { GIB } from '../../src/lib/gib.ts';
import { bounded } from '../../src/storage/bounded.ts';
import type { Pool } from '../../src/storage/pool.ts';
import type { Chance } from './chance.ts';

/** A volume in the pool. */
export interface Volume {
  bytes: number;
  /** False while it is being created: it may not be given to anybody. */
  complete: boolean;
  /** How many bytes from its start a VM may have written. */
  written: number;
  /** How many bytes from its start are wiped. */
  wiped: number;
  readonly createdMs: number;
}

/** The place of the volumes. */
export interface VolumePlace {
  readonly volumes: Map<string, Volume>;
  readonly capacityGiB: number;
  readonly wipes: boolean;
  /** Called with each volume that is removed. */
  removed(uuid: string, volume: Volume): void;
}

/** Lets the effect of a request happen whose caller is gone. */
function settleFor(effect: () => void): void {
  try {
    effect();
  } catch {
    // There was nothing to do.
  }
}

/** How long a request that hangs hangs, in milliseconds: some return only when nobody waits any more. */
const HANG_MS = 45_000;
const LIMITS = { atOnce: 4, waiting: 16 };

/** The pool of one process, and what a crash of that process does to the requests in progress. */
export interface SimulatedPool {
  readonly pool: Pool;
  /** To be called in the moment of the crash. */
  crash(): void;
}

/** Opens the pool for a process. `isDead`: the process has crashed. */
export function openSimulatedPool(place: VolumePlace, chance: Chance, isDead: () => boolean): SimulatedPool {
  const { volumes } = place;
  /** The effects of the requests in progress. */
  const atWork = new Set<() => void>();

  /** Ends the work of a crashed process for good: nobody is left to hear of it. */
  const unlessDead = async (): Promise<void> => {
    if (isDead()) await new Promise(() => {});
  };

  const unavailable = (): Error => errorOf('POOL_UNAVAILABLE', { detail: 'it does not answer' });

  /** Runs one change: it takes time, and may fail before, in the middle of, or after its effect. */
  async function change<T>(
    signal: AbortSignal,
    failed: (detail: string) => Error,
    begin: () => void,
    effect: () => T,
  ): Promise<T> {
    const fault = chance.poolFault();
    if (fault === 'refused') throw unavailable();
    begin();
    atWork.add(effect);
    if (fault === 'hangs') await delay(chance.random.below(HANG_MS));
    await delay(chance.delayMs());
    await unlessDead();
    atWork.delete(effect);
    if (fault === 'broken') throw failed('it failed');
    const result = effect();
    if (fault === 'half done') throw failed('it failed at its end');
    if (signal.aborted) throw failed('it was given up');
    return result;
  }

  async function ask<T>(answer: () => T): Promise<T> {
    const fault = chance.poolFault();
    await delay(chance.delayMs());
    await unlessDead();
    if (fault === 'refused') throw unavailable();
    return answer();
  }

  const pool: Pool = {
    wipes: place.wipes,
    create: (uuid, sizeGiB, signal) =>
      change(
        signal,
        detail => errorOf('VOLUME_FAILED', { disk: uuid, detail }),
        () => {
          if (volumes.has(uuid)) return;
          volumes.set(uuid, { bytes: 0, complete: false, written: 0, wiped: 0, createdMs: Date.now() });
        },
        () => {
          const volume = volumes.get(uuid);
          if (!volume) throw errorOf('VOLUME_FAILED', { disk: uuid, detail: 'it is gone' });
          Object.assign(volume, { bytes: sizeGiB * GIB, complete: true });
        },
      ),
    delete: (uuid, signal) =>
      change(
        signal,
        detail => errorOf('REMOVE_FAILED', { disk: uuid, detail }),
        () => {},
        () => {
          const volume = volumes.get(uuid);
          volumes.delete(uuid);
          if (volume) place.removed(uuid, volume);
        },
      ),
    resize: (uuid, sizeGiB, signal) =>
      change(
        signal,
        detail => errorOf('GROW_FAILED', { disk: uuid, detail }),
        () => {},
        () => {
          const volume = volumes.get(uuid);
          if (!volume) throw errorOf('GROW_FAILED', { disk: uuid, detail: 'it is gone' });
          volume.bytes = Math.max(volume.bytes, sizeGiB * GIB);
          return volume.bytes;
        },
      ),
    sizeOf: uuid => ask(() => volumes.get(uuid)?.bytes),
    wipe: (uuid, from, signal) =>
      change(
        signal,
        detail => errorOf('WIPE_FAILED', { disk: uuid, detail }),
        () => {},
        () => {
          const volume = volumes.get(uuid);
          if (!volume) throw errorOf('WIPE_FAILED', { disk: uuid, detail: 'it is gone' });
          const bytes = Math.min(volume.bytes, from + GIB);
          if (volume.wiped >= from) volume.wiped = Math.max(volume.wiped, bytes);
          return { bytes, of: volume.bytes };
        },
      ),
    list: () =>
      ask(() =>
        [...volumes].map(([uuid, { bytes, createdMs }]) => ({ uuid, bytes: Number(bytes), createdMs })),
      ),
    strangers: () => ask(() => []),
    check: () => ask(() => {}),
    promisableBytes: () => ask(() => place.capacityGiB * GIB),
    use: () => ask(() => []),
    // A block device: of a file, the real file system would be asked when it was made.
    source: uuid => ({ type: 'block', path: `/dev/pool/${uuid}` }),
    begin: async () => {},
  };
  return {
    pool: bounded(pool, LIMITS),
    crash() {
      for (const effect of atWork) if (chance.random.chance(0.5)) settleFor(effect);
    },
  };
}
