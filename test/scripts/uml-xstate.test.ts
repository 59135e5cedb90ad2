// The library that User-mode Linux preloads on processors whose register state is larger than it knows. A
// second library below it makes any processor look like such a one: see test/scripts/support/large-xstate.c.
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { folderWith, root, run } from './support/run.ts';

const preload = join(root, 'scripts/virt/uml/preload.sh');
const lvmGuest = join(root, 'scripts/virt/lvm-guest.sh');
/** The size that User-mode Linux knows, and the size with AMX, in bytes. */
const [KNOWN, LARGE] = ['2696', '2816'];

function canRun(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function obstacle(): string | undefined {
  if (!canRun('cc', '--version')) return 'needs cc';
  if (!canRun('perl', join(root, 'scripts/virt/uml/xstate-size.pl')))
    return 'needs perl, ptrace and a processor with xsave';
  return undefined;
}

const why = obstacle();
const whyNoGuest = why ?? (canRun(lvmGuest, '--check') ? undefined : 'needs a guest with device-mapper');
let dir = '';
let large = '';

if (why === undefined) {
  test.before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'pdisk-test-'));
    large = join(dir, 'large.so');
    const source = join(root, 'test/scripts/support/large-xstate.c');
    execFileSync('cc', ['-shared', '-fPIC', '-o', large, source, '-ldl']);
    execFileSync('cc', ['-o', join(dir, 'probe'), join(root, 'test/scripts/support/xstate-probe.c')]);
  });
  test.after.always(() => rm(dir, { recursive: true, force: true }));
}

function declare(
  reason: string | undefined,
  title: string,
  body: (t: ExecutionContext) => Promise<void>,
): void {
  if (reason === undefined) test(title, body);
  else test.skip(`${title} (${reason})`, body);
}

/**
 * Environment variables for programs that are to see a register state of this size, with these libraries
 * preloaded.
 */
const on = (bytes: string, ...libraries: string[]) => ({
  LD_PRELOAD: [...libraries, large].join(':'),
  XSTATE_BYTES: bytes,
});

/** Compiles the library into a cache of the test's own. */
async function library(t: ExecutionContext): Promise<string> {
  const env = { PDISK_UML_XSTATE: 'always', XDG_CACHE_HOME: await folderWith(t, {}) };
  const { status, stdout, stderr } = await run(preload, [], { env });
  t.is(status, 0, stderr);
  return stdout.trim();
}

declare(why, 'nothing is preloaded, nor compiled, where User-mode Linux knows the whole state', async t => {
  const env = { ...on(KNOWN), XDG_CACHE_HOME: await folderWith(t, {}) };
  t.deepEqual(await run(preload, [], { env }), { status: 0, stdout: '', stderr: '' });
  t.is((await run(preload, ['--needed'], { env })).status, 1);
});

declare(why, 'one byte more than it knows, and the library is needed; it is compiled once', async t => {
  const cache = await folderWith(t, { cc: '#!/bin/sh\nexit 1\n' });
  const env = { ...on('2697'), XDG_CACHE_HOME: cache };
  t.is((await run(preload, ['--needed'], { env })).status, 0);
  const first = await run(preload, [], { env });
  t.regex(first.stdout, /\/pdisk\/uml-xstate-[0-9a-f]{12}\.so\n$/);
  const second = await run(preload, [], { env: { ...env, PATH: `${cache}:${process.env.PATH}` } });
  t.deepEqual(second, first);
});

declare(why, 'where the library is needed and cannot be compiled, it is said what is missing', async t => {
  const dir = await folderWith(t, { cc: '#!/bin/sh\nexit 1\n' });
  const env = { ...on(LARGE), XDG_CACHE_HOME: dir, PATH: `${dir}:${process.env.PATH}` };
  const { status, stdout, stderr } = await run(preload, [], { env });
  t.is(status, 1);
  t.is(stdout, '');
  t.regex(stderr, /could not be compiled; it needs gcc and libc6-dev\n$/);
});

declare(why, 'bootstrap brings the compiler where the library is needed, and only there', async t => {
  const dir = await folderWith(t, {
    'dpkg-query': '#!/bin/sh\nfor package; do :; done\n[ "$package" != gcc ] && printf installed\n',
    id: '#!/bin/sh\necho 1000\n',
    sudo: '#!/bin/sh\nexit 1\n',
  });
  const PATH = `${dir}:${process.env.PATH}`;
  const bootstrap = join(root, 'scripts/bootstrap');
  const needs = await run(bootstrap, ['test'], { env: { ...on(LARGE), PATH } });
  t.regex(needs.stderr, /^bootstrap: missing Debian packages: gcc\n/);
  const needsNot = await run(bootstrap, ['test'], { env: { ...on(KNOWN), PATH } });
  t.deepEqual(needsNot, { status: 0, stdout: '', stderr: '' });
});

declare(why, 'a part of a large state is refused by the kernel, and completed by the library', async t => {
  const probe = join(dir, 'probe');
  const rest = ['other registers 1', 'ended 7', ''];
  const without = await run(probe, [], { env: on(LARGE) });
  t.deepEqual(without.stdout.split('\n'), ['got 2696', 'set Bad address', 'now something else', ...rest]);
  const within = await run(probe, [], { env: on(LARGE, await library(t)) });
  t.deepEqual(within.stdout.split('\n'), ['got 2696', 'set all', 'now the same', ...rest]);
});

declare(why, "this processor's own state passes through the library as it is", async t => {
  const { stdout } = await run(join(dir, 'probe'), [], { env: { LD_PRELOAD: await library(t) } });
  t.regex(stdout, /^got \d+\nset all\nnow the same\nother registers 1\nended 7\n$/);
});

declare(whyNoGuest, 'a guest dies of a large state without the library, and lives with it', async t => {
  const env = on(LARGE);
  const dead = await run(lvmGuest, ['true'], { env: { ...env, PDISK_UML_XSTATE: 'never' } });
  t.is(dead.status, 70);
  t.regex(dead.stderr, /put_fp_registers/);
  const alive = await run(lvmGuest, ['sh', '-c', 'uname -r; exit 3'], { env });
  t.is(alive.status, 3, alive.stderr);
  t.regex(alive.stdout, /^6\.1\./);
});
