import test, { type ExecutionContext } from 'ava';
import { type Kernel, sysfs } from '../../../src/storage/lvm/kernel.ts';
import { openLvmPool } from '../../../src/storage/lvm/pool.ts';
import type { Pool } from '../../../src/storage/pool.ts';
import { declarePoolSuite } from '../../storage/support/pool-suite.ts';
import { createVolumeGroup, guestTest, inGuest, run, type VolumeGroup } from './guest.ts';

interface Kind {
  readonly thin?: boolean;
  readonly wipe?: 'zero' | 'discard' | 'none';
  readonly wipeRateMiB?: number;
  readonly kernel?: Kernel;
}

/**
 * Creates a volume group for a test file. The result opens pools in it; after each test, its volumes are
 * removed.
 */
export function volumeGroupForThisFile(name: string, thinPoolGiB?: number) {
  let made: VolumeGroup | undefined;
  if (inGuest) {
    test.serial.before(async () => {
      made = await createVolumeGroup(name, thinPoolGiB);
    });
    test.after.always(() => made?.remove());
  }
  const group = (): VolumeGroup => {
    if (!made) throw new Error('there is no volume group yet');
    return made;
  };
  return {
    group,
    async pool(
      t: ExecutionContext,
      { thin = false, wipe = 'zero', wipeRateMiB, kernel = sysfs }: Kind = {},
    ): Promise<Pool> {
      t.teardown(() => run('lvremove', '--quiet', '--yes', '--select', 'lv_tags="pdisk"', name));
      const thinPool = thin ? 'pool' : undefined;
      return openLvmPool({ vg: name, thinPool, overcommit: 1, wipe, wipeRateMiB, owner: 'test', kernel });
    },
  };
}

/** Declares the tests that all kinds of pools share; returns a function that gives their volume group. */
export function declareLvmSuite(name: string, thin: boolean): () => VolumeGroup {
  const { group, pool } = volumeGroupForThisFile(name, thin ? 20 : undefined);
  declarePoolSuite(guestTest as typeof test, {
    opens: true,
    many: 8,
    aborts: 6,
    async subject(t) {
      const opened = await pool(t, { thin });
      return {
        pool: opened,
        sizeOf: uuid => sysfs.bytesOf(opened.source(uuid).path),
        leftOver: group().leftOver,
      };
    },
  });
  return group;
}
