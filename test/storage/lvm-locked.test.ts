// The start with a volume group that another program has locked.
import test from 'ava';
import { CommandError, type RunCommand } from '../../src/storage/command.ts';
import { sysfs } from '../../src/storage/lvm/kernel.ts';
import { openLvmPool } from '../../src/storage/lvm/pool.ts';

const rootTest = process.getuid?.() === 0 ? test : test.skip;

rootTest('the wait for a locked volume group ends when the start is given up', async t => {
  const end = new AbortController();
  let attempts = 0;
  const run: RunCommand = async (program, _, signal) => {
    signal.throwIfAborted();
    attempts += 1;
    // As a signal that comes while LVM waits for the lock.
    end.abort('SIGTERM');
    throw new CommandError(program, 5, "Can't get lock for vg");
  };
  const place = { vg: 'vg', thinPool: undefined, overcommit: 1, owner: 'one' };
  const options = { ...place, wipe: 'none', wipeRateMiB: undefined, kernel: sysfs, run } as const;
  const opening = openLvmPool({ ...options, signal: end.signal });
  await t.throwsAsync(opening, { code: 'POOL_UNAVAILABLE', message: /Can't get lock/ });
  t.is(attempts, 1);
});
