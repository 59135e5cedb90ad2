// Files of tests as scripts/test runs them: each bundled with all that it imports, packages apart. To load it by tsx, source by source,
// takes as long as most of them run.
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, normalize, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

const FOLDER = 'test';
const BUILT = 'dist/test';

/** Stands for `import.meta.url`: what a source finds from its own place it must find from there still. */
const PLACE = 'placeOfSource';

const placesOfSources: Plugin = {
  name: 'places-of-sources',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      if (!source.includes('import.meta.url')) return undefined;
      // On the first line: the others keep their numbers.
      const place = `const ${PLACE} = ${JSON.stringify(pathToFileURL(path).href)};`;
      return { loader: 'ts', contents: place + source };
    });
  },
};

/** Another run may be loading the file: it finds the old one or the new one, never a part of it. */
async function replace(path: string, contents: Uint8Array): Promise<void> {
  const old = await readFile(path).catch(() => undefined);
  if (old?.equals(contents)) return;
  await mkdir(dirname(path), { recursive: true });
  const fresh = `${path}.${process.pid}`;
  await writeFile(fresh, contents);
  await rename(fresh, path);
}

/** The files below a folder; none where there is no folder. */
const filesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(name => join(folder, name))
    : [];

/** Bundles all files of tests below the current folder, and removes what is left of those that are gone; throws where a source is wrong. */
export async function buildTests(): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: filesIn(FOLDER).filter(path => path.endsWith('.test.ts')),
    outbase: FOLDER,
    outdir: BUILT,
    write: false,
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    sourcemap: true,
    logLevel: 'silent',
    define: { 'import.meta.url': PLACE },
    plugins: [placesOfSources],
  });
  for (const { path, contents } of outputFiles) await replace(path, contents);
  const wanted = new Set(outputFiles.map(({ path }) => path));
  const stale = filesIn(BUILT).filter(path => /\.test\.js(\.map)?$/.test(path) && !wanted.has(resolve(path)));
  await Promise.all(stale.map(path => rm(path)));
}

/** What stands for this file, folder or pattern of tests when they are built; itself where it is something else, or nothing is built. */
export function builtOf(argument: string): string {
  const path = normalize(argument);
  if (path !== FOLDER && !path.startsWith(`${FOLDER}/`)) return argument;
  return existsSync(BUILT) ? join('dist', path.replace(/\.ts$/, '.js')) : argument;
}
