import { errorOf, type PdiskError, sentenceOf } from '../../errors.ts';
import { GIB } from '../../lib/gib.ts';
import { withTimeout } from '../timeout.ts';
import { classify } from './failure.ts';
import { type Home, selectionOf } from './kind.ts';
import type { Lvm } from './lvm.ts';
import { ownerTag, ownerTags } from './naming.ts';
import { readState, type VgState } from './report.ts';
import { retryWhileBusy } from './retry-while-busy.ts';

/** Time limit for a command on a volume group that may be locked, in milliseconds. */
const LOOK_MS = 60_000;

/** The place of an LVM pool, and the settings that it must allow. */
export interface Place {
  readonly vg: string;
  readonly thinPool: string | undefined;
  /** Factor: the sum of the disks' sizes may be this many times the space of the pool. */
  readonly overcommit: number;
  /** The permanent name of this pdisk. As a tag of the volume group it keeps another pdisk out. */
  readonly owner: string;
}

const cannot = (detail: string): PdiskError => errorOf('POOL_UNAVAILABLE', { detail });

async function look(lvm: Lvm, place: Place, end: AbortSignal | undefined): Promise<VgState> {
  const read = (signal: AbortSignal) => retryWhileBusy(() => readState(lvm, place, signal), signal);
  try {
    return await withTimeout(LOOK_MS, read, end);
  } catch (error) {
    const { vg } = place;
    const detail = sentenceOf(error);
    switch (classify(error)) {
      case 'missing':
        throw cannot('there is no program lvm; install the package lvm2');
      case 'not-found':
        throw cannot(`there is no volume group ${vg}; make it with 'vgcreate ${vg} DEVICE'`);
      default:
        throw cannot(`the volume group ${vg} cannot be read: ${detail}`);
    }
  }
}

/** Why the volume group cannot be used, as a sentence; undefined if it can. */
function obstacle({ vg, thinPool, overcommit, owner }: Place, state: VgState): string | undefined {
  const others = ownerTags(state.tags).filter(tag => tag !== ownerTag(owner));
  if (others.length > 0) {
    return (
      `another pdisk uses the volume group ${vg}: its tag is ${others.join(', ')}, ours would be ${ownerTag(owner)}; ` +
      `if that one is gone for good, run 'vgchange --deltag ${others[0]} ${vg}'`
    );
  }
  if (state.missingPvs > 0) return `the volume group ${vg} lacks ${state.missingPvs} of its physical volumes`;
  if (GIB % state.extentBytes !== 0) {
    return `a GiB is no whole number of the volume group ${vg}'s extents of ${state.extentBytes} bytes`;
  }
  if (thinPool === undefined && overcommit > 1) {
    return `the setting overcommit is ${overcommit}, but the volumes of lvm:${vg} are thick: at most 1`;
  }
  if (thinPool !== undefined && !state.thinPool) {
    return `there is no thin pool ${thinPool} in the volume group ${vg}; make it with 'lvcreate --type thin-pool'`;
  }
  if (state.thinPool && !state.thinPool.zeroes) {
    return `the thin pool ${vg}/${thinPool} gives out blocks that are not zeroed; run 'lvchange --zero y ${vg}/${thinPool}'`;
  }
  return undefined;
}

/** Throws POOL_UNAVAILABLE if the volume group is not the one that was opened, or cannot be used now. */
export function expectUsable(place: Place, { vgUuid }: Home, state: VgState): void {
  if (state.uuid !== vgUuid) {
    throw cannot(
      `the volume group ${place.vg} is another than at the start: its UUID is ${state.uuid}, not ${vgUuid}`,
    );
  }
  const wrong = obstacle(place, state);
  if (wrong !== undefined) throw cannot(wrong);
}

/**
 * Reads the volume group at start; `end` ends that. Throws POOL_UNAVAILABLE with a sentence that says what is
 * wrong.
 */
export async function firstLook(lvm: Lvm, place: Place, end?: AbortSignal): Promise<VgState> {
  if (process.getuid?.() !== 0) throw cannot('LVM needs root: run pdisk as root, or use a pool of files');
  const state = await look(lvm, place, end);
  expectUsable(place, { vgUuid: state.uuid, thinPool: place.thinPool }, state);
  return state;
}

/**
 * Adds our tag to the volume group, and activates our volumes, which may be inactive after a boot.
 * `expected`: the store has disks, so the tag must exist already. `end` ends it, but a change that LVM has
 * begun is finished. Throws POOL_UNAVAILABLE with a sentence that says what is wrong.
 */
export async function claim(
  lvm: Lvm,
  place: Place,
  home: Home,
  expected: boolean,
  end?: AbortSignal,
): Promise<void> {
  const { vg, owner } = place;
  const tag = ownerTag(owner);
  const change = (until: AbortSignal | undefined, command: string, ...args: string[]): Promise<unknown> =>
    withTimeout(LOOK_MS, signal => retryWhileBusy(() => lvm(signal, command, ...args), signal), until).catch(
      error => {
        throw cannot(sentenceOf(error));
      },
    );
  const lookAgain = async (): Promise<VgState> => {
    const state = await look(lvm, place, end);
    expectUsable(place, home, state);
    return state;
  };

  const found = await lookAgain();
  if (!found.tags.includes(tag)) {
    if (expected) {
      throw cannot(
        `the volume group ${vg} is not where the volumes of this pdisk's disks are, for it has not its tag; ` +
          `if it is the right one all the same, run 'vgchange --addtag ${tag} ${vg}'`,
      );
    }
    const select = ['--select', `vg_uuid="${home.vgUuid}"`];
    await change(end, 'vgchange', '--quiet', '--addtag', tag, ...select, vg);
    // If two services start at the same time, each sees both tags here, and both give up.
    try {
      await lookAgain();
    } catch (error) {
      await change(undefined, 'vgchange', '--quiet', '--deltag', tag, ...select, vg);
      throw error;
    }
  }
  if ([...found.volumes.values()].some(volume => !volume.active)) {
    await change(end, 'lvchange', '--quiet', '--activate', 'y', '--select', selectionOf(home), vg);
  }
}
