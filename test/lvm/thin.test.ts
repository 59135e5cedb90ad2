import { randomUUID } from 'node:crypto';
import { openLvmPool } from '../../src/storage/lvm/pool.ts';
import { never, writeAt } from '../storage/support/pool-suite.ts';
import { guestTest, run } from './support/guest.ts';
import { declareLvmSuite } from './support/suite.ts';

const MIB = 2 ** 20;
const group = declareLvmSuite('thin', true);

guestTest.serial(
  'a thin pool reports its real utilisation, and promises nothing more shortly before it is full',
  async t => {
    const vg = group().name;
    const thinPool = ['--type', 'thin-pool', '--size', '64m', '--chunksize', '64k', '--name', 'small'];
    await run('lvcreate', '--quiet', '--yes', ...thinPool, vg);
    t.teardown(() => run('lvremove', '--quiet', '--yes', `${vg}/small`));
    // A pool caches what it has read: a new one shows the present state.
    const open = () =>
      openLvmPool({
        vg,
        thinPool: 'small',
        overcommit: 1000,
        wipe: 'zero',
        wipeRateMiB: undefined,
        owner: 'test',
      });
    const first = await open();
    const uuid = randomUUID();
    await first.create(uuid, 1, never());
    t.is(await first.promisableBytes(), 64_000 * MIB);
    const percentOf = async (pool: typeof first): Promise<number> =>
      (await pool.use()).find(({ what }) => what === 'data')?.percent ?? Number.NaN;
    t.true((await percentOf(first)) < 10);

    await writeAt(first.source(uuid).path, 0, Buffer.alloc(50 * MIB, 'data'));
    const second = await open();
    const high = await percentOf(second);
    t.true(high >= 75 && high < 90, `${high} %`);
    t.is(await second.promisableBytes(), 64_000 * MIB);

    await writeAt(first.source(uuid).path, 50 * MIB, Buffer.alloc(10 * MIB, 'data'));
    const third = await open();
    t.true((await percentOf(third)) >= 90);
    t.is(await third.promisableBytes(), 0);
    await third.delete(uuid, never());
  },
);
