import { join } from 'node:path';
import test from 'ava';
import { root, run } from './support/run.ts';

const scripts = ['bootstrap', 'server', 'test', 'demo', 'bench', 'crash-matrix', 'lib/build'];
const virt = ['libvirtd', 'guest-image', 'domain-xml', 'lvm-guest', 'uml/kernel', 'uml/preload'].map(
  name => `virt/${name}.sh`,
);

for (const name of [...scripts, ...virt]) {
  test(`scripts/${name} --help says how it is used, and does nothing`, async t => {
    const { status, stdout, stderr } = await run(join(root, 'scripts', name), ['--help']);
    t.is(status, 0);
    t.regex(stdout, /^Usage: /);
    t.is(stderr, '');
  });
}

for (const name of ['bootstrap', 'demo', 'bench', 'lib/build']) {
  test(`scripts/${name} refuses an argument that it does not know`, async t => {
    const { status, stderr } = await run(join(root, 'scripts', name), ['--nonsense']);
    t.is(status, 2);
    t.regex(stderr, /^Usage: /);
  });
}
