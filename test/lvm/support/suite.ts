import type test from 'ava';
import type { ExecutionContext } from 'ava';
import { sysfs } from '../../../src/storage/lvm/kernel.ts';
import { openLvmPool } from '../../../src/storage/lvm/pool.ts';
import { declarePoolSuite, type Subject } from '../../storage/helpers/pool-suite.ts';
import { createVolumeGroup, guestTest } from './guest.ts';

let count = 0;

/** A pool in a volume group of its own; both end with the test. */
export async function freshPool(
  t: ExecutionContext,
  options: { thin?: boolean; overcommit?: number; wipe?: 'zero' | 'none'; wipeRateMiB?: number } = {},
): Promise<Subject & { vg: string }> {
  count += 1;
  const { thin = false, overcommit = 1, wipe = 'zero', wipeRateMiB } = options;
  const group = await createVolumeGroup(`vg${process.pid}-${count}`, thin ? 20 : undefined);
  t.teardown(group.remove);
  const pool = await openLvmPool({
    vg: group.name,
    thinPool: thin ? 'pool' : undefined,
    overcommit,
    wipe,
    wipeRateMiB,
    owner: 'test',
  });
  return {
    pool,
    vg: group.name,
    sizeOf: uuid => sysfs.bytesOf(pool.source(uuid).path),
    leftOver: group.leftOver,
  };
}

export function declareLvmSuite(thin: boolean): void {
  declarePoolSuite(guestTest as typeof test, {
    opens: true,
    many: 12,
    aborts: 8,
    subject: t => freshPool(t, { thin }),
  });
}
