// Volumes as logical volumes, thick or in a thin pool. LVM changes a volume group under a lock and commits its metadata at
// once (tags included), so a volume is there, whole, or not. Its processes would wait for each other at that lock: we queue
// ours here, in order, where waiting costs nothing.
import { errorOf } from '../../errors.ts';
import { turns } from '../../turns.ts';
import { createRunner, type RunCommand } from '../command.ts';
import { kept } from '../kept.ts';
import type { Pool } from '../pool.ts';
import { within } from '../within.ts';
import { classify } from './failure.ts';
import { type Kernel, sysfs } from './kernel.ts';
import { nameOf, removableOf, selectionOf, tagsOf } from './naming.ts';
import { patiently } from './patiently.ts';
import { readState, type VgState } from './report.ts';
import { type Place, startUsing } from './start.ts';
import { thinRoom, thinUse } from './thin-room.ts';
import { wipePiece } from './wipe.ts';

export interface LvmPoolOptions extends Place {
  /** How a thick volume is wiped before its extents may be given to another; a thin pool zeroes blocks when it gives them out. */
  readonly wipe: 'zero' | 'discard' | 'none';
  /** MiB in a second, for all wiping together; undefined: as fast as it goes. */
  readonly wipeRateMiB: number | undefined;
  /** For tests: what runs programs, and what is asked of the kernel. */
  readonly run?: RunCommand;
  readonly kernel?: Kernel;
}

const GIB = 2 ** 30;
const MIB = 2 ** 20;
/** How long a question may take, in milliseconds: another program may hold the volume group. */
const QUESTION_MS = 60_000;
const WRITER = 'writer';
const WIPER = 'wiper';

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A pool in a volume group. Throws POOL_UNAVAILABLE with a sentence that says what is wrong. */
export async function openLvmPool(options: LvmPoolOptions): Promise<Pool> {
  const { vg, thinPool, overcommit, wipe, wipeRateMiB } = options;
  const { run = createRunner(), kernel = sysfs } = options;
  const takeTurn = turns();
  const pathOf = (uuid: string): string => `/dev/${vg}/${nameOf(uuid)}`;
  const isThin = thinPool !== undefined;
  await startUsing(run, options, process.getuid?.() === 0);

  const look = (signal: AbortSignal): Promise<VgState> =>
    patiently(() => readState(run, options, signal), signal);
  const lookSoon = (): Promise<VgState> => within(QUESTION_MS, look);

  /**
   * One change of the volume group at a time; what is in use or locked is tried again until the signal is aborted, and others have their turn
   * in between.
   */
  const change = (signal: AbortSignal, ...args: string[]): Promise<void> =>
    patiently(async () => {
      const endTurn = await takeTurn(WRITER, signal);
      await run('lvm', args, signal).finally(endTurn);
    }, signal);

  async function make(uuid: string, bytes: number, signal: AbortSignal): Promise<void> {
    const size = isThin
      ? ['--type', 'thin', '--thinpool', thinPool, '--virtualsize', `${bytes}b`]
      : ['--size', `${bytes}b`, '--wipesignatures', 'y', '--zero', 'y'];
    const tags = tagsOf(uuid).flatMap(tag => ['--addtag', tag]);
    const rest = ['--quiet', '--yes', '--activate', 'y', '--name', nameOf(uuid), ...tags, ...size, vg];
    try {
      await change(signal, 'lvcreate', ...rest);
    } catch (error) {
      if (classify(error) !== 'exists') throw error;
      await adopt(uuid, bytes, signal);
    }
    await expectSize(uuid, bytes);
  }

  /** A volume that was there already: of an earlier attempt, or somebody else's. */
  async function adopt(uuid: string, bytes: number, signal: AbortSignal): Promise<void> {
    const found = (await look(signal)).volumes.get(uuid);
    if (found?.bytes !== bytes) {
      const what = found ? `with ${found.bytes} bytes instead of ${bytes}` : 'and is not ours';
      throw new Error(`${vg}/${nameOf(uuid)} is there already, ${what}`);
    }
    if (!found.active) await activate(uuid, signal);
  }

  const activate = (uuid: string, signal: AbortSignal): Promise<void> =>
    change(signal, 'lvchange', '--quiet', '--activate', 'y', '--select', selectionOf(uuid), vg);

  async function expectSize(uuid: string, bytes: number): Promise<void> {
    const actual = await kernel.bytesOf(pathOf(uuid));
    if (actual === bytes) return;
    throw new Error(`${pathOf(uuid)} has ${actual ?? 'no device and so no'} bytes instead of ${bytes}`);
  }

  async function remove(uuid: string, signal: AbortSignal): Promise<void> {
    const hasDevice = async (): Promise<boolean> => (await kernel.bytesOf(pathOf(uuid))) !== undefined;
    const wasActive = await hasDevice();
    await change(signal, 'lvremove', '--quiet', '--yes', '--select', removableOf(uuid), vg);
    // A device that is gone with it says enough; of a volume that had none only LVM knows.
    if (wasActive && !(await hasDevice())) return;
    if ((await look(signal)).volumes.has(uuid)) throw new Error(`${pathOf(uuid)} has a snapshot`);
  }

  async function grow(uuid: string, bytes: number, signal: AbortSignal): Promise<number> {
    const found = (await look(signal)).volumes.get(uuid);
    if (!found) throw new Error(`there is no volume ${vg}/${nameOf(uuid)} of ours`);
    if (found.bytes < bytes) {
      await change(signal, 'lvextend', '--quiet', '--size', `${bytes}b`, `${vg}/${nameOf(uuid)}`);
    }
    const size = Math.max(found.bytes, bytes);
    // An earlier attempt may have died between the metadata and the kernel.
    if ((await kernel.bytesOf(pathOf(uuid))) !== size) {
      await change(signal, 'lvchange', '--quiet', '--refresh', `${vg}/${nameOf(uuid)}`);
      await expectSize(uuid, size);
    }
    return size;
  }

  /** The device to wipe; undefined where there is no volume. The report is asked at the beginning, and whenever there is no device. */
  async function deviceToWipe(
    uuid: string,
    from: number,
    signal: AbortSignal,
  ): Promise<{ path: string; bytes: number } | undefined> {
    const path = pathOf(uuid);
    const bytes = await kernel.bytesOf(path);
    if (bytes !== undefined && from > 0) return { path, bytes };
    const found = (await look(signal)).volumes.get(uuid);
    if (!found) return undefined;
    if (found.open) throw new Error(`${path} is open in another program`);
    if (found.hasSnapshot) throw new Error(`${path} has a snapshot, into which its bytes would be copied`);
    if (!found.active) await activate(uuid, signal);
    return { path, bytes: found.bytes };
  }

  async function wipeNext(uuid: string, from: number, signal: AbortSignal) {
    const device = await deviceToWipe(uuid, from, signal);
    if (!device) return { bytes: from, of: from };
    if (wipe === 'none' || isThin) return { bytes: device.bytes, of: device.bytes };
    const rate = wipeRateMiB === undefined ? undefined : wipeRateMiB * MIB;
    const bytes = await wipePiece({ run, kernel, how: wipe, rate }, device, from, signal);
    return { bytes, of: device.bytes };
  }

  const lookLately = kept(lookSoon);

  function promisable(state: VgState): number {
    if (state.thinPool) return thinRoom(state.thinPool, overcommit);
    const ours = [...state.volumes.values()].reduce((sum, volume) => sum + volume.bytes, 0);
    return Math.floor((state.freeBytes + ours) * overcommit);
  }

  async function promisableBytes(): Promise<number> {
    try {
      return promisable(await lookLately());
    } catch (error) {
      throw errorOf('POOL_UNAVAILABLE', { detail: textOf(error) });
    }
  }

  return {
    async make(uuid, sizeGiB, signal) {
      try {
        await make(uuid, sizeGiB * GIB, signal);
      } catch (error) {
        const code = classify(error) === 'full' ? 'POOL_FULL' : 'VOLUME_FAILED';
        throw errorOf(code, { disk: uuid, detail: textOf(error) });
      }
    },

    async remove(uuid, signal) {
      try {
        await remove(uuid, signal);
      } catch (error) {
        throw errorOf('REMOVE_FAILED', { disk: uuid, detail: textOf(error) });
      }
    },

    async grow(uuid, sizeGiB, signal) {
      try {
        return await grow(uuid, sizeGiB * GIB, signal);
      } catch (error) {
        const code = classify(error) === 'full' ? 'POOL_FULL' : 'GROW_FAILED';
        throw errorOf(code, { disk: uuid, detail: textOf(error) });
      }
    },

    async sizeOf(uuid, signal) {
      try {
        return (await look(signal)).volumes.get(uuid)?.bytes;
      } catch (error) {
        throw errorOf('POOL_UNAVAILABLE', { detail: textOf(error) });
      }
    },

    wipes: wipe !== 'none' && !isThin,

    async wipe(uuid, from, signal) {
      try {
        const endTurn = await takeTurn(WIPER, signal);
        return await wipeNext(uuid, from, signal).finally(endTurn);
      } catch (error) {
        throw errorOf('WIPE_FAILED', { disk: uuid, detail: textOf(error) });
      }
    },

    async list() {
      try {
        return [...(await lookSoon()).volumes.keys()];
      } catch (error) {
        throw errorOf('POOL_UNAVAILABLE', { detail: textOf(error) });
      }
    },

    async check() {
      await promisableBytes();
    },

    promisableBytes,

    async use() {
      try {
        const { thinPool } = await lookLately();
        return thinPool ? thinUse(thinPool) : [];
      } catch (error) {
        throw errorOf('POOL_UNAVAILABLE', { detail: textOf(error) });
      }
    },

    source: uuid => ({ type: 'block', path: pathOf(uuid) }),

    // The volume group's tag was checked when it was opened.
    async begin() {},
  };
}
