import { errorOf, type PdiskError, sentenceOf } from '../../errors.ts';
import { GIB } from '../../lib/gib.ts';
import { withTimeout } from '../timeout.ts';
import { classify } from './failure.ts';
import { type Home, selectionOf } from './kind.ts';
import type { Lvm } from './lvm.ts';
import { ownerTag, ownerTags } from './naming.ts';
import { readState, type VgState } from './report.ts';
import { retryWhileBusy } from './retry-while-busy.ts';

/** How long a look at a locked volume group may take, in milliseconds. */
const LOOK_MS = 60_000;

export interface Place {
  readonly vg: string;
  readonly thinPool: string | undefined;
  readonly overcommit: number;
  /** Names this pdisk, for ever: its tag keeps another one from this volume group. */
  readonly owner: string;
}

const cannot = (detail: string): PdiskError => errorOf('POOL_UNAVAILABLE', { detail });

async function look(lvm: Lvm, place: Place): Promise<VgState> {
  try {
    return await withTimeout(LOOK_MS, signal => retryWhileBusy(() => readState(lvm, place, signal), signal));
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

/** What is wrong with a volume group for us, as a sentence; undefined: nothing. */
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

/** Throws POOL_UNAVAILABLE where the volume group is not the one that was opened, or cannot be used as it is now. */
export function expectUsable(place: Place, { vgUuid }: Home, state: VgState): void {
  if (state.uuid !== vgUuid) {
    throw cannot(
      `the volume group ${place.vg} is another than at the start: its UUID is ${state.uuid}, not ${vgUuid}`,
    );
  }
  const wrong = obstacle(place, state);
  if (wrong !== undefined) throw cannot(wrong);
}

/** The volume group as it is at the start. Throws POOL_UNAVAILABLE with one sentence that says what is wrong. */
export async function firstLook(lvm: Lvm, place: Place): Promise<VgState> {
  if (process.getuid?.() !== 0) throw cannot('LVM needs root: run pdisk as root, or use a pool of files');
  const state = await look(lvm, place);
  expectUsable(place, { vgUuid: state.uuid, thinPool: place.thinPool }, state);
  return state;
}

/**
 * Puts our tag on the volume group, and activates our volumes, which after a boot nobody may have done. A store that has disks expects
 * the tag there. Throws POOL_UNAVAILABLE with one sentence that says what is wrong.
 */
export async function claim(lvm: Lvm, place: Place, home: Home, expected: boolean): Promise<void> {
  const { vg, owner } = place;
  const tag = ownerTag(owner);
  const change = (...[command = '', ...args]: string[]): Promise<unknown> =>
    withTimeout(LOOK_MS, signal => retryWhileBusy(() => lvm(signal, command, ...args), signal)).catch(
      error => {
        throw cannot(sentenceOf(error));
      },
    );
  const lookAgain = async (): Promise<VgState> => {
    const state = await look(lvm, place);
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
    await change('vgchange', '--quiet', '--addtag', tag, ...select, vg);
    // Two that start at once see both tags here, and neither goes on.
    try {
      await lookAgain();
    } catch (error) {
      await change('vgchange', '--quiet', '--deltag', tag, ...select, vg);
      throw error;
    }
  }
  if ([...found.volumes.values()].some(volume => !volume.active)) {
    await change('lvchange', '--quiet', '--activate', 'y', '--select', selectionOf(home), vg);
  }
}
