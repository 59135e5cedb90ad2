import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { folderWith, root, run } from './support/run.ts';

const bootstrap = join(root, 'scripts/bootstrap');

/** Environment variables for a run in which these programs come first in PATH. */
async function fakes(t: ExecutionContext, programs: Record<string, string>): Promise<Record<string, string>> {
  const dir = await folderWith(t, programs);
  return { PATH: `${dir}:${process.env.PATH}`, FAKES: dir };
}

const node = (version: string) => `#!/bin/sh
[ "$1" = -p ] && echo ${version} || exec '${process.execPath}' "$@"\n`;

test('package.json names the versions of Node that bootstrap accepts', async t => {
  const { engines } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  t.is(engines.node, '^20.19.0 || ^22.12.0');
});

for (const version of ['16.20.2', '18.20.4', '20.18.3', '21.7.3', '22.11.0', '24.1.0']) {
  test(`Node ${version} is refused, with the versions that are needed and where to get them`, async t => {
    const { status, stdout, stderr } = await run(bootstrap, ['server'], {
      env: await fakes(t, { node: node(version) }),
    });
    t.is(status, 1);
    t.is(stdout, '');
    t.true(stderr.startsWith(`bootstrap: Node.js ${version} does not do; version 20.19`));
    t.regex(stderr, /https:\/\/nodejs\.org/);
  });
}

for (const version of ['20.19.0', '22.12.0']) {
  test(`Node ${version} is accepted without a word`, async t => {
    const outcome = await run(bootstrap, ['server'], { env: await fakes(t, { node: node(version) }) });
    t.deepEqual(outcome, { status: 0, stdout: '', stderr: '' });
  });
}

test('without Node bootstrap says which one is needed', async t => {
  const { status, stderr } = await run(bootstrap, ['server'], {
    env: await fakes(t, { node: '#!/bin/sh\nexit 127\n' }),
  });
  t.is(status, 1);
  t.regex(stderr, /^bootstrap: Node\.js is missing; version 20\.19/);
});

test('when nothing is missing, bootstrap is silent and needs no network', async t => {
  const [program, ...args] =
    process.getuid?.() === 0 ? ['unshare', '--net', bootstrap, 'test'] : [bootstrap, 'test'];
  t.deepEqual(await run(program ?? '', args), { status: 0, stdout: '', stderr: '' });
});

const lacks = (name: string) => `#!/bin/sh
for package; do :; done
[ "$package" = ${name} ] && exit 1
printf installed\n`;

// A PATH with nothing but the programs named here: the host may have sudo.
async function onlyThese(t: ExecutionContext, programs: Record<string, string>): Promise<string> {
  const dir = await folderWith(t, programs);
  for (const name of ['dirname', 'realpath', 'node', 'npm', 'cat']) {
    const found = (await run('/bin/sh', ['-c', `command -v ${name}`])).stdout.trim();
    await symlink(found, join(dir, name));
  }
  return dir;
}

test('without root and sudo bootstrap names the missing packages and the command, and stops', async t => {
  const PATH = await onlyThese(t, {
    id: '#!/bin/sh\necho 1000\n',
    'dpkg-query': lacks('cpio'),
    getent: '#!/bin/sh\nexit 2\n',
  });
  const { status, stdout, stderr } = await run(bootstrap, ['test'], { env: { PATH } });
  t.is(status, 1);
  t.is(stdout, '');
  t.deepEqual(stderr.trimEnd().split('\n'), [
    'bootstrap: missing Debian packages: cpio',
    'bootstrap: missing user: libvirt-qemu',
    'bootstrap: you are not root and there is no sudo; have root run these, then try again:',
    '  apt-get update -q',
    '  apt-get install -q -y --no-install-recommends cpio',
    '  useradd --system --user-group --no-create-home --shell /usr/sbin/nologin libvirt-qemu',
  ]);
});

test('bootstrap server asks for no Debian package', async t => {
  const env = await fakes(t, { 'dpkg-query': '#!/bin/sh\nexit 1\n', id: '#!/bin/sh\necho 1000\n' });
  t.deepEqual(await run(bootstrap, ['server'], { env }), { status: 0, stdout: '', stderr: '' });
});

test('not root: what is missing, and only that, is installed by sudo', async t => {
  const env = await fakes(t, {
    id: '#!/bin/sh\necho 1000\n',
    'dpkg-query': lacks('cpio'),
    sudo: '#!/bin/sh\nshift 3\necho "$@" >> "$FAKES/log"\n',
  });
  const { status } = await run(bootstrap, ['test'], { env });
  t.is(status, 0);
  t.deepEqual((await readFile(join(env.FAKES ?? '', 'log'), 'utf8')).split('\n'), [
    'apt-get update -q',
    'apt-get install -q -y --no-install-recommends cpio',
    '',
  ]);
});

test('an installation that fails ends bootstrap, which says what to run by hand', async t => {
  const env = await fakes(t, {
    id: '#!/bin/sh\necho 1000\n',
    'dpkg-query': lacks('cpio'),
    sudo: '#!/bin/sh\n[ "$4" = apt-get ] && exit 100\n',
  });
  const { status, stderr } = await run(bootstrap, ['test'], { env });
  t.is(status, 1);
  t.regex(stderr, /run it by hand, then try again: apt-get update -q\n$/);
});
