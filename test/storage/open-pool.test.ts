import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { PdiskError } from '../../src/errors.ts';
import { openPool, parsePool } from '../../src/storage/open.ts';
import { uuidsIn } from './helpers/pool-suite.ts';

const options = { overcommit: 1, owner: 'test', lvm: { wipe: 'zero' as const, wipeRateMiB: undefined } };

test('file:DIR is a pool in a directory', async t => {
  const parent = await mkdtemp(join(tmpdir(), 'pdisk-open-'));
  t.teardown(() => rm(parent, { recursive: true }));
  const pool = await openPool(`file:${parent}/a/b`, options);
  t.deepEqual(await uuidsIn(pool), []);
  t.deepEqual(await readdir(join(parent, 'a')), ['b']);
});

for (const setting of ['', 'file:', 'zfs:tank', '/var/lib/pdisk', 'file:/a\nb']) {
  test(`${JSON.stringify(setting)} is no pool, and a sentence says what would be one`, async t => {
    t.regex(String(parsePool(setting)), /give file:DIR/);
    const error = await t.throwsAsync(openPool(setting, options), { instanceOf: PdiskError });
    t.is(error?.code, 'POOL_UNAVAILABLE');
  });
}
