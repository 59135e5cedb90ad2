import { copyFile, mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { folderWith, root, run } from './support/run.ts';

// A fake npm whose build only records that it was called.
const npm = '#!/bin/sh\nmkdir -p dist; [ ! -e broken ] && echo x >> dist/builds\n';

async function project(t: ExecutionContext) {
  const dir = await folderWith(t, {
    'src/a.ts': '',
    'src/b.ts': '',
    'machines/m.ts': '',
    'package.json': '',
    'package-lock.json': '',
    'tsconfig.json': '',
    'tsconfig.build.json': '',
    'bin/npm': npm,
  });
  await mkdir(join(dir, 'scripts/lib'), { recursive: true });
  await copyFile(join(root, 'scripts/lib/build'), join(dir, 'scripts/lib/build'));
  const build = () =>
    run(join(dir, 'scripts/lib/build'), [], { env: { PATH: `${dir}/bin:${process.env.PATH}` } });
  // A modification time that is clearly newer than the build, whatever the resolution of file times.
  const touch = (name: string) => utimes(join(dir, name), new Date(), new Date(Date.now() + 5000));
  return { dir, build, touch };
}

test('an up-to-date build is not repeated, and nothing is printed', async t => {
  const { build } = await project(t);
  t.deepEqual(await build(), { status: 0, stdout: '', stderr: 'building\n' });
  t.deepEqual(await build(), { status: 0, stdout: '', stderr: '' });
});

for (const name of ['src/a.ts', 'machines/m.ts', 'package-lock.json', 'tsconfig.json']) {
  test(`a change of ${name} makes a new build`, async t => {
    const { build, touch } = await project(t);
    await build();
    await touch(name);
    t.is((await build()).stderr, 'building\n');
  });
}

test('a removed source makes a new build', async t => {
  const { dir, build, touch } = await project(t);
  await build();
  await rm(join(dir, 'src/b.ts'));
  await touch('src');
  t.is((await build()).stderr, 'building\n');
});

test('a build that failed is tried again', async t => {
  const { dir, build } = await project(t);
  await writeFile(join(dir, 'broken'), '');
  t.not((await build()).status, 0);
  await rm(join(dir, 'broken'));
  t.deepEqual(await build(), { status: 0, stdout: '', stderr: 'building\n' });
});
