// Files of tests as scripts/test runs them: each bundled with all that it imports, packages apart. To load it by tsx, source by source,
// takes as long as most of them run.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

const FOLDER = 'test';
const BUILT = 'dist/test';

/** What a source finds from its own place it must find from there still. */
const placesOfSources: Plugin = {
  name: 'places-of-sources',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const place = JSON.stringify(pathToFileURL(path).href);
      const source = await readFile(path, 'utf8');
      return { loader: 'ts', contents: source.replaceAll('import.meta.url', place) };
    });
  },
};

/** Bundles all files of tests below the current folder, in place of those of earlier times; throws in the words of esbuild. */
export async function buildTests(): Promise<void> {
  rmSync(BUILT, { recursive: true, force: true });
  const names = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' });
  const files = names.filter(name => name.endsWith('.test.ts')).map(name => join(FOLDER, name));
  if (files.length === 0) return;
  await build({
    entryPoints: files,
    outbase: FOLDER,
    outdir: BUILT,
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    sourcemap: true,
    logLevel: 'silent',
    plugins: [placesOfSources],
  });
}

/** What stands for this file or folder of tests when they are built; itself if nothing does. */
export function builtOf(path: string): string {
  const built = join('dist', path.replace(/\.ts$/, '.js'));
  return path.startsWith(`${FOLDER}/`) && existsSync(built) ? built : path;
}
