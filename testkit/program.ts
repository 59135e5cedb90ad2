import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root folder of the repository. */
export const root = fileURLToPath(new URL('..', import.meta.url));
/**
 * The compiled service starts in a third of the time that tsx needs; in the guests of scripts/test nothing
 * else is fast enough.
 */
const isBuilt = process.env.PDISK_LVM_GUEST === '1' || process.env.PDISK_BUILT === '1';

/** The command line of Node and the service, to which the service's arguments are added. */
export const serviceProgram: readonly [string, ...string[]] = isBuilt
  ? [process.execPath, join(root, 'dist/src/pdisk.js')]
  : [process.execPath, '--import=tsx', join(root, 'src/pdisk.ts')];
