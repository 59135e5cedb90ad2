import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { folderWith, root, run } from './support/run.ts';

const isRoot = process.getuid?.() === 0;
const rootTest = isRoot ? test : test.skip;

/** What the script says when the guest's kernel is this program. */
async function guestWith(t: ExecutionContext, kernel: string) {
  const cache = await folderWith(t, {
    'package/DEBIAN/control':
      'Package: none\nVersion: 1\nArchitecture: all\nMaintainer: none\nDescription: none\n',
    'package/usr/bin/linux.uml': kernel,
  });
  await mkdir(join(cache, 'package/usr/lib/uml/modules/1'), { recursive: true });
  await mkdir(join(cache, 'pdisk'));
  const deb = ['--build', join(cache, 'package'), join(cache, 'pdisk/lvm-kernel.deb')];
  await promisify(execFile)('dpkg-deb', deb);
  const env = { XDG_CACHE_HOME: cache };
  return run(join(root, 'scripts/virt/lvm-guest.sh'), ['-t', '60', 'true'], { env });
}

rootTest('where User-mode Linux cannot run, the guest says in one sentence why', async t => {
  const { status, stdout, stderr } = await guestWith(
    t,
    '#!/bin/sh\necho "Checking that ptrace can change system call numbers...ptrace: Operation not permitted"; exit 1\n',
  );
  t.is(status, 124);
  t.is(stdout, '');
  const [first, second] = stderr.split('\n');
  t.is(
    first,
    "lvm-guest.sh: User-mode Linux, the guest's kernel, cannot run on this machine: it needs ptrace, which is not permitted here; it said:",
  );
  t.regex(second ?? '', /Operation not permitted/);
});

rootTest('a kernel that ends for another reason is quoted', async t => {
  const { status, stderr } = await guestWith(t, '#!/bin/sh\necho "no room for memory"; exit 1\n');
  t.is(status, 124);
  t.regex(
    stderr,
    /^lvm-guest\.sh: User-mode Linux, the guest's kernel, did not come up within \d+ s; it said:\n {2}no room for memory\n$/,
  );
});
