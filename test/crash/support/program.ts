// The service and the module that is loaded before it, each bundled into one file: that starts in half the
// time that the compiled service takes, and a point of the matrix consists mostly of a start.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { root } from '../../../testkit/program.ts';

/** The two bundles. */
export interface Program {
  readonly service: string;
  readonly preload: string;
}

/** Packages stay where they are, and the bundle may lie anywhere. */
const packagesInPlace: Plugin = {
  name: 'packages-in-place',
  setup({ onResolve, resolve }) {
    onResolve(
      { filter: /^(?:uWebSockets\.js|level|@statelyai\/inspect)$/ },
      async ({ path, kind, pluginData }) => {
        if (pluginData === 'asked already') return undefined;
        const found = await resolve(path, { kind, resolveDir: root, pluginData: 'asked already' });
        return { path: pathToFileURL(found.path).href, external: true };
      },
    );
  },
};

/** Bundles the present sources into `folder`. */
export async function buildProgram(folder: string): Promise<Program> {
  const place = pathToFileURL(join(root, 'src/pdisk.ts')).href;
  await build({
    entryPoints: {
      service: join(root, 'src/pdisk.ts'),
      preload: join(root, 'test/crash/support/preload.ts'),
    },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    logLevel: 'silent',
    // Some packages are CommonJS and require Node's modules.
    banner: {
      js: `import { createRequire as requireFrom } from 'node:module'; const require = requireFrom('${place}');`,
    },
    define: { 'import.meta.url': JSON.stringify(place) },
    plugins: [packagesInPlace],
  });
  return { service: join(folder, 'service.mjs'), preload: join(folder, 'preload.mjs') };
}
