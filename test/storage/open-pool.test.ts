import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openPool } from '../../src/storage/open.ts';
import { uuidsIn } from './support/pool-suite.ts';

const options = { overcommit: 1, owner: 'test', lvm: { wipe: 'zero' as const, wipeRateMiB: undefined } };

test('opening a file pool creates its directory', async t => {
  const parent = await mkdtemp(join(tmpdir(), 'pdisk-open-'));
  t.teardown(() => rm(parent, { recursive: true }));
  const pool = await openPool({ kind: 'file', directory: `${parent}/a/b` }, options);
  t.deepEqual(await uuidsIn(pool), []);
  t.deepEqual(await readdir(join(parent, 'a')), ['b']);
});
