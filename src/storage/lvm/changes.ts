// The changes of one volume. Before or after each, the report on the whole volume group is read: it says what
// exists. LVM's success counts as a removal only if its message names the volume.
import { errorOf } from '../../errors.ts';
import { NotStarted } from '../command.ts';
import { classify } from './failure.ts';
import type { Kernel } from './kernel.ts';
import { type Home, selectionOf } from './kind.ts';
import type { Lvm } from './lvm.ts';
import { nameOf, tagsOf } from './naming.ts';
import type { LvmVolume, VgState } from './report.ts';

/** What the changes work with. */
export interface Ground {
  readonly vg: string;
  readonly home: Home;
  readonly lvm: Lvm;
  readonly kernel: Kernel;
  /** Reads the claimed volume group, which must be usable. Throws POOL_UNAVAILABLE, or LVM's error. */
  look(signal: AbortSignal): Promise<VgState>;
}

/** The device path of a disk's logical volume. */
export const pathOf = (vg: string, uuid: string): string => `/dev/${vg}/${nameOf(uuid)}`;

/** The changes of volumes in one volume group. They throw PdiskError, LVM's error, or an Error. */
export function changesIn({ vg, home, lvm, kernel, look }: Ground) {
  const path = (uuid: string): string => pathOf(vg, uuid);

  function expectPlain({ uuid, obstacle }: LvmVolume): void {
    if (obstacle !== undefined)
      throw new Error(`the volume ${vg}/${nameOf(uuid)} ${obstacle}; it is left as it is`);
  }

  async function expectSize(uuid: string, bytes: number): Promise<void> {
    const actual = await kernel.bytesOf(path(uuid));
    if (actual === bytes) return;
    throw new Error(`${path(uuid)} has ${actual ?? 'no device and so no'} bytes instead of ${bytes}`);
  }

  const activate = (uuid: string, signal: AbortSignal): Promise<string> =>
    lvm(signal, 'lvchange', '--quiet', '--activate', 'y', '--select', selectionOf(home, uuid), vg);

  /**
   * Uses a volume that exists already, from an earlier attempt; throws if it is not ours or has another size.
   */
  async function adopt(uuid: string, bytes: number, signal: AbortSignal): Promise<void> {
    const found = (await look(signal)).volumes.get(uuid);
    if (found?.bytes !== bytes) {
      const what = found ? `with ${found.bytes} bytes instead of ${bytes}` : 'and is not ours';
      throw new Error(`${vg}/${nameOf(uuid)} is there already, ${what}`);
    }
    expectPlain(found);
    if (!found.active) await activate(uuid, signal);
  }

  /**
   * Checks that the new volume is in the claimed volume group. lvcreate finds a group by its name, which
   * another group may have by now; then the volume is removed again.
   */
  async function expectHere(uuid: string, signal: AbortSignal): Promise<void> {
    const dmUuid = await kernel.dmUuidOf(path(uuid));
    if (dmUuid === undefined || dmUuid.startsWith(dmPrefixOf(home.vgUuid))) return;
    const made = dmUuid.slice(-LV_UUID);
    const lvUuid = `${made.slice(0, 6)}-${(made.slice(6, 26).match(/.{4}/g) ?? []).join('-')}-${made.slice(26)}`;
    await lvm(signal, 'lvremove', '--quiet', '--yes', '--select', `lv_uuid="${lvUuid}"`, vg);
    throw errorOf('POOL_UNAVAILABLE', { detail: `another volume group is called ${vg} now` });
  }

  return {
    async create(uuid: string, bytes: number, signal: AbortSignal): Promise<void> {
      const size =
        home.thinPool === undefined
          ? ['--type', 'linear', '--size', `${bytes}b`, '--wipesignatures', 'y', '--zero', 'y']
          : ['--type', 'thin', '--thinpool', home.thinPool, '--virtualsize', `${bytes}b`];
      const tags = tagsOf(uuid).flatMap(tag => ['--addtag', tag]);
      const rest = ['--quiet', '--yes', '--activate', 'y', '--name', nameOf(uuid), ...tags, ...size, vg];
      await lvm(signal, 'lvcreate', ...rest).then(
        () => expectHere(uuid, signal),
        error => {
          // LVM was not started, so nothing has been changed.
          if (error instanceof NotStarted) throw errorOf('POOL_UNAVAILABLE', { detail: error.message });
          if (classify(error) !== 'exists') throw error;
          return adopt(uuid, bytes, signal);
        },
      );
      await expectSize(uuid, bytes);
    },

    async delete(uuid: string, signal: AbortSignal): Promise<void> {
      const said = await lvm(signal, 'lvremove', '--yes', '--select', selectionOf(home, uuid), vg);
      if (said.includes(`"${nameOf(uuid)}" successfully removed`)) return;
      const { volumes, renamed } = await look(signal);
      const left = volumes.get(uuid);
      if (left) expectPlain(left);
      const name = left ? nameOf(uuid) : renamed.get(uuid);
      if (name !== undefined) throw new Error(`its volume is still there, as ${vg}/${name}`);
    },

    async resize(uuid: string, bytes: number, signal: AbortSignal): Promise<number> {
      const found = (await look(signal)).volumes.get(uuid);
      if (!found) throw new Error(`there is no volume ${vg}/${nameOf(uuid)} of ours`);
      expectPlain(found);
      if (found.bytes < bytes) {
        await lvm(signal, 'lvextend', '--quiet', '--size', `${bytes}b`, `${vg}/${nameOf(uuid)}`);
      }
      const size = Math.max(found.bytes, bytes);
      // An earlier attempt may have changed the metadata and ended before it reloaded the kernel's table.
      if ((await kernel.bytesOf(path(uuid))) !== size) {
        await lvm(signal, 'lvchange', '--quiet', '--refresh', `${vg}/${nameOf(uuid)}`);
        await expectSize(uuid, size);
      }
      return size;
    },

    /** The device of a volume that is to be wiped: it must be plain, not open elsewhere and not suspended. */
    async deviceToWipe(uuid: string, signal: AbortSignal): Promise<{ path: string; bytes: number }> {
      const found = (await look(signal)).volumes.get(uuid);
      if (!found) {
        throw new Error(
          `there is no volume ${vg}/${nameOf(uuid)} of ours, and so nobody knows where its bytes are; ` +
            'rename or tag it as it was, or make an empty one in its place',
        );
      }
      expectPlain(found);
      if (found.active === false) await activate(uuid, signal);
      else if (found.open !== false) throw new Error(`${path(uuid)} is open in another program`);
      if ((await kernel.dmUuidOf(path(uuid))) !== found.dmUuid) {
        throw new Error(`${path(uuid)} is not the device of ${vg}/${nameOf(uuid)}`);
      }
      if (await kernel.isSuspended(path(uuid))) {
        throw new Error(
          `${path(uuid)} is suspended; run 'dmsetup resume ${path(uuid)}' if nobody is at work on it`,
        );
      }
      return { path: path(uuid), bytes: found.bytes };
    },
  };
}

/** Length of a logical volume's UUID at the end of a device-mapper UUID, where it has no dashes. */
const LV_UUID = 32;
const dmPrefixOf = (vgUuid: string): string => `LVM-${vgUuid.replaceAll('-', '')}`;
