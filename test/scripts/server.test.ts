import { copyFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { folderWith, root, run } from './support/run.ts';

const main = `console.log(JSON.stringify({
  cwd: process.cwd(),
  args: process.argv.slice(2),
  threads: process.env.UV_THREADPOOL_SIZE,
  config: process.env.PDISK_CONFIG,
  dataDir: process.env.PDISK_DATA_DIR,
  pool: process.env.PDISK_POOL,
}));`;

/** A repository whose service only prints how it was started, and a folder to start it from. */
async function repository(t: ExecutionContext) {
  const dir = await realpath(
    await folderWith(t, {
      'scripts/bootstrap': '#!/bin/sh\n[ "$1" = server ]\n',
      'scripts/lib/build': '#!/bin/sh\n',
      'dist/src/pdisk.js': main,
      'elsewhere/settings.yaml': '',
    }),
  );
  for (const name of ['server', 'pdiskd'])
    await copyFile(join(root, 'scripts', name), join(dir, 'scripts', name));
  return { dir, elsewhere: join(dir, 'elsewhere') };
}

test('scripts/server runs the service in the repository with enough threads, and passes its arguments', async t => {
  const { dir, elsewhere } = await repository(t);
  const { stdout, stderr } = await run(join(dir, 'scripts/server'), ['--check-config'], { cwd: elsewhere });
  t.is(stderr, '');
  t.deepEqual(JSON.parse(stdout), { cwd: dir, args: ['--check-config'], threads: '8' });
});

test("relative paths given to scripts/server are resolved against the caller's folder", async t => {
  const { dir, elsewhere } = await repository(t);
  const env = { PDISK_CONFIG: 'settings.yaml', PDISK_DATA_DIR: 'data', PDISK_POOL: 'file:pool' };
  for (const args of [['--config', 'own.yaml'], ['--config=own.yaml']]) {
    const { stdout } = await run(join(dir, 'scripts/server'), args, { cwd: elsewhere, env });
    const { args: passed, config, dataDir, pool } = JSON.parse(stdout);
    t.is(passed.join(' ').replace('=', ' '), `--config ${elsewhere}/own.yaml`);
    t.is(config, `${elsewhere}/settings.yaml`);
    t.is(dataDir, `${elsewhere}/data`);
    t.is(pool, `file:${elsewhere}/pool`);
  }
});

test("scripts/pdiskd passes the command, and resolves its file against the caller's folder", async t => {
  const { dir, elsewhere } = await repository(t);
  const args = ['restore', 'pdisk.backup', '--replace', '--config', 'own.yaml'];
  const { stdout } = await run(join(dir, 'scripts/pdiskd'), args, { cwd: elsewhere });
  const expected = ['restore', `${elsewhere}/pdisk.backup`, '--replace', '--config', `${elsewhere}/own.yaml`];
  t.deepEqual(JSON.parse(stdout).args, expected);
});
