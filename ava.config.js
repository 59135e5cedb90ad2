import { availableParallelism } from 'node:os';

/** scripts/test has compiled the tests to dist/. */
const built = process.env.PDISK_BUILT === '1';

/** The longest test files begin first, so that none of them is left running alone at the end. */
const LONGEST =
  /\/(benches\/core|crash\/crash-matrix|client\/client|disks\/hosts-simulation|system\/\w+|docs\/story|hypervisor\/real|machines\/disk-edges)\.test\.[jt]s$/;
const rank = file => (LONGEST.test(file) ? 0 : 1);

// biome-ignore lint/style/noDefaultExport: ava takes nothing else.
export default {
  files: [built ? 'dist/test/**/*.test.js' : 'test/**/*.test.ts'],
  extensions: { js: true, ts: 'module' },
  nodeArguments: [...(built ? [] : ['--import=tsx']), '--conditions=development'],
  workerThreads: false,
  timeout: '4m',
  // Some tests wait for guests, timers or other programs, and leave a processor idle.
  concurrency: availableParallelism() + 2,
  sortTestFiles: (one, another) => rank(one) - rank(another) || (one < another ? -1 : 1),
};
