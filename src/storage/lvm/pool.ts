// Volumes as logical volumes, thick or in a thin pool. LVM changes a volume group under a lock and commits
// its metadata, tags included, atomically: a volume exists completely or not at all. LVM's processes would
// wait for that lock, so pdisk runs one change at a time and keeps the others waiting in memory.

import { errorOf, PdiskError, sentenceOf } from '../../errors.ts';
import { GIB } from '../../lib/gib.ts';
import { bounded, Passing } from '../bounded.ts';
import { cached } from '../cached.ts';
import { createRunner, type RunCommand } from '../command.ts';
import type { Pool } from '../pool.ts';
import { withTimeout } from '../timeout.ts';
import { changesIn, pathOf } from './changes.ts';
import { classify } from './failure.ts';
import { type Kernel, sysfs } from './kernel.ts';
import { lvmWith } from './lvm.ts';
import { readState, type VgState } from './report.ts';
import { retryWhileBusy } from './retry-while-busy.ts';
import { claim, expectUsable, firstLook, type Place } from './start.ts';
import { thinRoom, thinUse } from './thin-room.ts';
import { wipePiece } from './wipe.ts';

/** The settings of an LVM pool. */
export interface LvmPoolOptions extends Place {
  /**
   * How a thick volume is wiped before its extents are free for other volumes. A thin pool needs no wiping:
   * it zeroes blocks when it allocates them.
   */
  readonly wipe: 'zero' | 'discard' | 'none';
  /** Limit in MiB per second for all wiping together; undefined: no limit. */
  readonly wipeRateMiB: number | undefined;
  /** Ends the first look at the volume group, which may be locked. */
  readonly signal?: AbortSignal | undefined;
  /** Replaced in tests: the runner of programs, and the access to the kernel. */
  readonly run?: RunCommand;
  readonly kernel?: Kernel;
}

const MIB = 2 ** 20;
/** Time limit of a query, in milliseconds: another program may hold the lock of the volume group. */
const QUESTION_MS = 60_000;
/** LVM needs some hundred milliseconds for a volume: the last of so many waits about a minute. */
const WAITING = 256;

type Change = 'VOLUME_FAILED' | 'REMOVE_FAILED' | 'GROW_FAILED' | 'WIPE_FAILED';

/** The error for a failed change: a Passing if a retry may succeed, else a PdiskError. */
function failureOf(error: unknown, code: Change, disk: string): PdiskError | Passing {
  if (error instanceof PdiskError) return error;
  const detail = sentenceOf(error);
  const kind = classify(error);
  if (kind === 'not-found' || kind === 'partial') return errorOf('POOL_UNAVAILABLE', { detail });
  if (kind === 'moving' && code === 'GROW_FAILED') return errorOf('POOL_BUSY', { disk, detail });
  if (kind === 'full' && (code === 'VOLUME_FAILED' || code === 'GROW_FAILED'))
    return errorOf('POOL_FULL', { disk, detail });
  const failure = errorOf(code, { disk, detail });
  // A failed creation is not retried here for want of a process: it may be incomplete and is undone first.
  const passes = kind === 'busy' || (kind === 'not-started' && code !== 'VOLUME_FAILED');
  return passes ? new Passing(failure) : failure;
}

const unavailable = (error: unknown): PdiskError =>
  error instanceof PdiskError ? error : errorOf('POOL_UNAVAILABLE', { detail: sentenceOf(error) });

/** Opens a pool in a volume group. Throws POOL_UNAVAILABLE with a sentence that says what is wrong. */
export async function openLvmPool(options: LvmPoolOptions): Promise<Pool> {
  const { vg, thinPool, overcommit, wipe, wipeRateMiB } = options;
  const { run = createRunner(), kernel = sysfs } = options;
  const lvm = lvmWith(run);
  const isThin = thinPool !== undefined;
  const opened = await firstLook(lvm, options, options.signal);
  const home = { vgUuid: opened.uuid, thinPool };

  /** Whether the last read found the volume group usable; if not, the cached state is not valid either. */
  let isUsable = true;
  async function look(signal: AbortSignal): Promise<VgState> {
    try {
      const state = await retryWhileBusy(() => readState(lvm, options, signal), signal);
      expectUsable(options, home, state);
      isUsable = true;
      return state;
    } catch (error) {
      isUsable = false;
      throw error;
    }
  }
  const lookSoon = (): Promise<VgState> =>
    withTimeout(QUESTION_MS, look).catch(error => {
      throw unavailable(error);
    });
  const lookLately = cached(lookSoon, { counts: () => isUsable });
  const changes = changesIn({ vg, home, lvm, kernel, look });

  function promisable(state: VgState): number {
    if (state.thinPool) return thinRoom(state.thinPool, overcommit);
    const ours = [...state.volumes.values()].reduce((sum, volume) => sum + volume.bytes, 0);
    return Math.floor((state.freeBytes + ours) * overcommit);
  }

  const raw: Pool = {
    async create(uuid, sizeGiB, signal) {
      await lookLately();
      await changes.create(uuid, sizeGiB * GIB, signal).catch(error => {
        throw failureOf(error, 'VOLUME_FAILED', uuid);
      });
    },

    delete: (uuid, signal) =>
      changes.delete(uuid, signal).catch(error => {
        throw failureOf(error, 'REMOVE_FAILED', uuid);
      }),

    resize: (uuid, sizeGiB, signal) =>
      changes.resize(uuid, sizeGiB * GIB, signal).catch(error => {
        throw failureOf(error, 'GROW_FAILED', uuid);
      }),

    async sizeOf(uuid, signal) {
      const { volumes } = await look(signal).catch(error => {
        throw unavailable(error);
      });
      return volumes.get(uuid)?.bytes;
    },

    wipes: wipe !== 'none' && !isThin,

    async wipe(uuid, from, signal) {
      try {
        const device = await changes.deviceToWipe(uuid, signal);
        if (wipe === 'none' || isThin) return { bytes: device.bytes, of: device.bytes };
        const rate = wipeRateMiB === undefined ? undefined : wipeRateMiB * MIB;
        const bytes = await wipePiece({ run, kernel, how: wipe, rate }, device, from, signal);
        return { bytes, of: device.bytes };
      } catch (error) {
        const failure = failureOf(error, 'WIPE_FAILED', uuid);
        throw failure instanceof Passing ? failure.why : failure;
      }
    },

    async list() {
      const volumes = [...(await lookSoon()).volumes.values()];
      return volumes.map(({ uuid, bytes, createdMs, obstacle }) => ({ uuid, bytes, createdMs, obstacle }));
    },
    strangers: async () => (await lookSoon()).strangers,

    async check() {
      await lookLately();
    },
    promisableBytes: async () => promisable(await lookLately()),

    async use() {
      const state = await lookLately();
      return state.thinPool ? thinUse(state.thinPool) : [];
    },

    source: uuid => ({ type: 'block', path: pathOf(vg, uuid) }),

    begin: (expected, signal) => claim(lvm, options, home, expected, signal),
  };
  // One change at a time, because LVM locks the volume group for each.
  return bounded(raw, { atOnce: 1, waiting: WAITING, questionMs: QUESTION_MS });
}
