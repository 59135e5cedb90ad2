import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { folderWith, root, run } from './support/run.ts';

const good = `import test from 'ava';
test('adds', t => t.is(1 + 1, 2));
test('multiplies', t => t.is(2 * 2, 4));
`;
const bad = `import test from 'ava';
test('fits', t => t.pass());
test('subtracts', t => t.is(2 - 1, 2));
`;
const skip = `import test from 'ava';
test('runs', t => t.pass());
test.skip('needs a moon (no moon here)', t => t.fail());
`;
const crash = `import test from 'ava';
test('starts', t => t.pass());
test('never ends', () => new Promise(() => { setImmediate(() => process.exit(3)); }));
`;
const hook = `import test from 'ava';
test.before('gets ready', () => { throw new Error('not ready'); });
test('first', t => t.pass());
test('second', t => t.pass());
`;
const empty = `import test from 'ava';
test.skip('needs a moon', t => t.fail());
`;

/** Runs scripts/test in a project with these tests and checks; resolves with its output and exit status. */
async function runOf(
  t: ExecutionContext,
  tests: Record<string, string>,
  {
    args = [],
    checks = {},
    more = {},
  }: { args?: string[]; checks?: Record<string, string>; more?: Record<string, string> } = {},
) {
  const files = Object.entries(tests).map(([name, code]) => [`test/${name}.test.js`, code]);
  const scripts = {
    types: 'true',
    lint: 'true',
    'dead-code': 'true',
    charts: 'true',
    mutate: 'true',
    ...checks,
  };
  const named = Object.entries(scripts).map(([name, script]) => [`checks/${name}`, script]);
  const cwd = await folderWith(t, {
    ...Object.fromEntries(files),
    'package.json': JSON.stringify({ type: 'module', ava: { files: ['test/**/*.test.js'], timeout: '2m' } }),
    // Does what `npm run --silent NAME` does, in a hundredth of the time.
    'bin/npm': '#!/bin/sh\nexec sh "checks/$3"\n',
    ...Object.fromEntries(named),
    'scripts/lib/build': '#!/bin/sh\n',
    ...more,
  });
  await symlink(join(root, 'node_modules'), join(cwd, 'node_modules'));
  const runner = fileURLToPath(new URL('../../scripts/lib/run-tests.ts', import.meta.url));
  // The fixture is a run of its own, whatever environment this test runs in.
  const PATH = `${join(cwd, 'bin')}:${process.env.PATH}`;
  const env = { PATH, AVA_PATH: '', NODE_OPTIONS: '', NO_COLOR: '1' };
  const { status, stdout } = await run(process.execPath, ['--import=tsx', runner, ...args], { cwd, env });
  return { status, stdout, last: stdout.trimEnd().split('\n').at(-1) };
}

test.serial(
  'a run in which all is well ends with the counts and status 0; each check counts like a test',
  async t => {
    const { status, last } = await runOf(t, { good });
    t.is(status, 0);
    t.is(last, '8 passed, 0 failed, 0 skipped');
  },
);

test.serial('with arguments only the tests that they name run, after a build', async t => {
  const { status, last } = await runOf(
    t,
    { good, bad },
    { args: ['test/good.test.js'], checks: { lint: 'false' } },
  );
  t.is(status, 0);
  t.is(last, '3 passed, 0 failed, 0 skipped');
});

test.serial('a failed test is reported in full at the end, and makes the run fail', async t => {
  const { status, stdout, last } = await runOf(t, { good, bad });
  t.is(status, 1);
  t.is(last, '9 passed, 1 failed, 0 skipped');
  t.regex(stdout, /\n {2}bad › subtracts\n[\s\S]*\n {2}Difference/);
  t.regex(stdout, /\nFailed:\n {2}bad › subtracts\n/);
});

test.serial('a failed check is reported in full, the tests run nevertheless, and the run fails', async t => {
  const { status, stdout, last } = await runOf(
    t,
    { good },
    { checks: { lint: "printf '\\033[31mthis line is ugly'; exit 1" } },
  );
  t.is(status, 1);
  t.is(last, '7 passed, 1 failed, 0 skipped');
  t.regex(stdout, /\nFailed:\n {2}lint and formatting\n {4}this line is ugly\n/);
});

test.serial('skipped tests are counted and named', async t => {
  const { status, stdout, last } = await runOf(t, { skip });
  t.is(status, 0);
  t.is(last, '7 passed, 0 failed, 1 skipped');
  t.regex(stdout, /\nSkipped:\n {2}needs a moon \(no moon here\)\n/);
});

test.serial('a test process that ends in the middle of a test is a failure', async t => {
  const { status, last } = await runOf(t, { good, crash });
  t.is(status, 1);
  t.regex(last ?? '', /^9 passed, [1-9]\d* failed, 0 skipped$/);
});

test.serial('tests that never ran because a hook before them failed are failures', async t => {
  const { status, stdout, last } = await runOf(t, { hook });
  t.is(status, 1);
  t.regex(last ?? '', /^6 passed, [2-9] failed, 0 skipped$/);
  t.regex(stdout, /not ready/);
});

test.serial('a run without any test is a failure', async t => {
  const nothing = await runOf(t, {});
  t.is(nothing.status, 1);
  t.is(nothing.last, '6 passed, 1 failed, 0 skipped');
  const allSkipped = await runOf(t, { empty });
  t.is(allSkipped.status, 1);
  t.is(allSkipped.last, '6 passed, 1 failed, 1 skipped');
});

const inGuest = `import test from 'ava';
const why = process.env.PDISK_NO_LVM_GUEST;
const guestTest = why ? (title, run) => test.skip(title + ' (' + why + ')', run) : test;
guestTest('makes a volume', t => t.is(process.env.GUEST, '1'));
guestTest('wipes a volume', t => t.is(process.env.GUEST, '1'));
`;
/** A fake guest: a shell script, which gets the command to run after its own options. */
const guestThat = (does: string) => ({
  'scripts/virt/lvm-guest.sh': `#!/bin/sh\n${does}\n`,
  'test/lvm/support/save-guests.ts': '',
});
const cannotRun = guestThat('echo "no ptrace here" >&2; echo "more of it" >&2; exit 69');

test.serial('tests of real logical volumes run in the guest, and count', async t => {
  const runs = `[ "$1" = --check ] && exit
while [ "$1" != env ]; do shift; done
GUEST=1 exec "$@"`;
  const { status, last } = await runOf(t, { good, 'lvm/volumes': inGuest }, { more: guestThat(runs) });
  t.is(status, 0);
  t.is(last, '10 passed, 0 failed, 0 skipped');
});

for (const args of [[], ['test/lvm']]) {
  test.serial(
    `where no such guest can run, each of them is skipped by its name, and why (${args[0] ?? 'all tests'})`,
    async t => {
      const { status, stdout, last } = await runOf(
        t,
        { good, 'lvm/volumes': inGuest },
        { args, more: cannotRun },
      );
      t.is(status, 0);
      t.is(last, `${args.length > 0 ? 1 : 8} passed, 0 failed, 2 skipped`);
      for (const title of ['makes', 'wipes']) {
        t.regex(stdout, new RegExp(`Skipped:[\\s\\S]*${title} a volume \\(no ptrace here\\)\\n`));
      }
    },
  );
}

test.serial('a guest that should run and does not is a failure, reported in full', async t => {
  const dies = guestThat('echo "its kernel ended" >&2; echo "  Kernel panic" >&2; exit 70');
  const { status, stdout, last } = await runOf(t, { good, 'lvm/volumes': inGuest }, { more: dies });
  t.is(status, 1);
  t.is(last, '8 passed, 1 failed, 2 skipped');
  t.regex(stdout, /\nFailed:\n {2}scripts\/virt\/lvm-guest\.sh\n {4}its kernel ended\n {6}Kernel panic\n/);
});

test.serial('the details of two simultaneous runs are not mixed', async t => {
  const runs = `[ "$1" = --check ] && exit
while [ "$1" != env ]; do shift; done
GUEST=2 exec "$@"`;
  const { last, stdout } = await runOf(t, { bad, 'lvm/volumes': inGuest }, { more: guestThat(runs) });
  t.is(last, '7 passed, 3 failed, 0 skipped');
  const details = stdout.split('\nFailed:')[0]?.split('\n  ─\n').slice(1).join() ?? '';
  t.is(details.match(/ {2}✔ /g), null, 'results among the details');
});
