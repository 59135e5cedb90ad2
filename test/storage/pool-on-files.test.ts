import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openFilePool } from '../../src/storage/file.ts';
import { declarePoolSuite } from './support/pool-suite.ts';

declarePoolSuite(test, {
  opens: true,
  many: 50,
  aborts: 3,
  async subject(t) {
    const directory = await mkdtemp(join(tmpdir(), 'pdisk-suite-'));
    t.teardown(() => rm(directory, { recursive: true }));
    const pool = await openFilePool({ directory, overcommit: 1, owner: 'tests' });
    return {
      pool,
      sizeOf: uuid =>
        stat(pool.source(uuid).path).then(
          ({ size }) => size,
          () => undefined,
        ),
      leftOver: () => readdir(directory),
    };
  },
});
