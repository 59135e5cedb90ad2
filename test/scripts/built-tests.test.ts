import { readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { folderWith, root, run } from './support/run.ts';

const builder = pathToFileURL(join(root, 'scripts/lib/built-tests.ts')).href;
const build = `const { buildTests, builtOf } = await import('${builder}');
await buildTests();
for (const path of ['test', './test/place.test.ts', 'test/*.test.ts', '--match=test/x', 'testing']) console.log(builtOf(path));`;

/**
 * A project with two test files, and functions that run Node and the build in it. The build prints what
 * `builtOf` makes of some arguments.
 */
async function project(t: ExecutionContext) {
  const cwd = await folderWith(t, {
    'package.json': '{ "type": "module" }',
    'test/place.test.ts':
      "import { place } from './support/place.ts';\nconst url: string = import.meta.url;\nconsole.log(url, place);\n",
    'test/support/place.ts': 'export const place: string = import.meta.url;\n',
    'test/gone.test.ts': '',
  });
  await symlink(join(root, 'node_modules'), join(cwd, 'node_modules'));
  const node = (...args: string[]) => run(process.execPath, args, { cwd, env: { NODE_OPTIONS: '' } });
  return { cwd, node, build: () => node('--import=tsx', '--input-type=module', '-e', build) };
}

test('a built test needs no compiler, and URLs in its sources stay the same', async t => {
  const { cwd, node, build } = await project(t);
  const { status, stdout, stderr } = await build();
  t.is(status, 0, stderr);
  const built = ['dist/test', 'dist/test/place.test.js', 'dist/test/*.test.js'];
  t.deepEqual(stdout.trimEnd().split('\n'), [...built, '--match=test/x', 'testing']);
  const places = ['test/place.test.ts', 'test/support/place.ts'].map(path => pathToFileURL(join(cwd, path)));
  t.is((await node('dist/test/place.test.js')).stdout, `${places.join(' ')}\n`);
});

test('a test whose source is gone is gone, too', async t => {
  const { cwd, build } = await project(t);
  const built = () => readdir(join(cwd, 'dist/test'));
  await build();
  t.true((await built()).includes('gone.test.js'));
  await rm(join(cwd, 'test/gone.test.ts'));
  await build();
  t.deepEqual(await built(), ['place.test.js', 'place.test.js.map']);
});

test('a source that cannot be built is reported, and the old build stays', async t => {
  const { cwd, node, build } = await project(t);
  await build();
  await writeFile(join(cwd, 'test/support/place.ts'), 'export const place = ;');
  const { status, stderr } = await build();
  t.is(status, 1);
  t.regex(stderr, /place\.ts:1:21: ERROR: Unexpected ";"/);
  t.is((await node('dist/test/place.test.js')).status, 0);
});
