import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
/** What scripts/test has built starts in a third of the time that it takes to compile anew; in its guests nothing else is fast enough. */
const isBuilt = process.env.PDISK_LVM_GUEST === '1' || process.env.PDISK_BUILT === '1';

/** Node and the service, for its own arguments to come after them. */
export const serviceProgram: readonly [string, ...string[]] = isBuilt
  ? [process.execPath, join(root, 'dist/src/pdisk.js')]
  : [process.execPath, '--import=tsx', join(root, 'src/pdisk.ts')];
