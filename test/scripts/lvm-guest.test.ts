import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { folderWith, root, run } from './support/run.ts';

const isRoot = process.getuid?.() === 0;
const rootTest = isRoot ? test : test.skip;

const script = join(root, 'scripts/virt/lvm-guest.sh');

/** Runs the script with this program as the guest's kernel; resolves with what the script wrote. */
async function guestWith(t: ExecutionContext, kernel: string, ...options: string[]) {
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
  return run(script, ['-t', '60', ...options, 'true'], { env });
}

const subject = "lvm-guest.sh: User-mode Linux, the guest's kernel,";

rootTest('where User-mode Linux finds that it cannot run, the guest says so, and quotes it', async t => {
  const { status, stdout, stderr } = await guestWith(
    t,
    '#!/bin/sh\necho "Checking that ptrace can change system call numbers...ptrace: Operation not permitted"; exit 1\n',
  );
  t.is(status, 69);
  t.is(stdout, '');
  t.is(
    stderr,
    `${subject} cannot run on this host, with status 1; it said at last:\n  Checking that ptrace can change system call numbers...ptrace: Operation not permitted\n`,
  );
});

for (const [end, told] of [
  ['exit 3', 'with status 3'],
  ['kill -ABRT $$', 'by signal ABRT'],
] as const) {
  rootTest(`a kernel that has begun and ends (${end}) is quoted, with how it ended`, async t => {
    const { status, stderr } = await guestWith(
      t,
      `#!/bin/sh\nprintf 'Linux version 6.1\\r\\nKernel panic\\n'; ${end}\n`,
    );
    t.is(status, 70);
    t.is(
      stderr,
      `${subject} ended before the command did, ${told}; it said at last:\n  Linux version 6.1\n  Kernel panic\n`,
    );
  });
}

rootTest('a guest that is not done in time is told apart from one that ended', async t => {
  const { status, stderr } = await guestWith(
    t,
    '#!/bin/sh\necho "Linux version 6.1"; exec sleep 600\n',
    '-t',
    '1',
  );
  t.is(status, 124);
  t.is(stderr, 'lvm-guest.sh: the guest was not done after 1 s; it said at last:\n  Linux version 6.1\n');
});

/** Fake programs that come first in PATH, with what the script then says the host lacks. */
const lacking: readonly (readonly [what: string, programs: Record<string, string>, options?: string[]])[] = [
  ['root', { id: '#!/bin/sh\necho 1000\n' }],
  ['a PID namespace of its own, which is not permitted here', { unshare: '#!/bin/sh\nexit 1\n' }],
  ['ptrace, which is not permitted here', { perl: '#!/bin/sh\nexit 1\n' }],
  ['99999999 MiB of room in /dev/shm or /tmp, not mounted noexec', {}, ['-m', '99999999']],
];
for (const [what, programs, options = []] of lacking) {
  rootTest(`on a host without ${what} the script says so and tries nothing`, async t => {
    const env = { PATH: `${await folderWith(t, programs)}:${process.env.PATH}` };
    const { status, stdout, stderr } = await run(script, [...options, '--check'], { env });
    t.is(status, 69);
    t.is(stdout, '');
    t.is(stderr, `${subject} cannot run on this host: it needs ${what}\n`);
  });
}

rootTest('without a package and without a network the guest says what could not be downloaded', async t => {
  const dir = await folderWith(t, {
    'apt-get': '#!/bin/sh\necho reading; echo "E: no network" >&2; exit 100\n',
  });
  const env = { PATH: `${dir}:${process.env.PATH}`, XDG_CACHE_HOME: join(dir, 'cache') };
  for (const option of ['--check', '--prepare']) {
    const { status, stderr } = await run(script, [option], { env });
    t.is(status, 69);
    t.is(stderr, "kernel.sh: Debian's package user-mode-linux could not be downloaded: E: no network\n");
  }
});
