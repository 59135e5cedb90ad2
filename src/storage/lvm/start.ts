import { errorOf, type PdiskError } from '../../errors.ts';
import type { RunCommand } from '../command.ts';
import { within } from '../within.ts';
import { classify } from './failure.ts';
import { ownerTag, ownerTags, selectionOf } from './naming.ts';
import { patiently } from './patiently.ts';
import { readState, type VgState } from './report.ts';

const GIB = 2 ** 30;
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

async function look(run: RunCommand, place: Place): Promise<VgState> {
  try {
    return await within(LOOK_MS, signal => patiently(() => readState(run, place, signal), signal));
  } catch (error) {
    const { vg } = place;
    const detail = error instanceof Error ? error.message : String(error);
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

/**
 * Makes sure that the volume group can be used, puts our tag on it, and activates our volumes, which after a boot nobody may have
 * done. Throws POOL_UNAVAILABLE with one sentence that says what is wrong.
 */
export async function startUsing(run: RunCommand, place: Place, isRoot: boolean): Promise<void> {
  if (!isRoot) throw cannot('LVM needs root: run pdisk as root, or use a pool of files');
  const check = (state: VgState): VgState => {
    const wrong = obstacle(place, state);
    if (wrong !== undefined) throw cannot(wrong);
    return state;
  };
  const change = (...args: string[]): Promise<unknown> =>
    within(LOOK_MS, signal => patiently(() => run('lvm', args, signal), signal)).catch(error => {
      throw cannot(error instanceof Error ? error.message : String(error));
    });

  const { vg, owner } = place;
  const found = check(await look(run, place));
  if (!found.tags.includes(ownerTag(owner))) {
    await change('vgchange', '--quiet', '--addtag', ownerTag(owner), vg);
    // Two that start at once see both tags here, and neither goes on.
    try {
      check(await look(run, place));
    } catch (error) {
      await change('vgchange', '--quiet', '--deltag', ownerTag(owner), vg);
      throw error;
    }
  }
  if ([...found.volumes.values()].some(volume => !volume.active)) {
    await change('lvchange', '--quiet', '--activate', 'y', '--select', selectionOf(), vg);
  }
}
