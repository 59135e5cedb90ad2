import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CommandError, createRunner, NotStarted } from '../../src/storage/command.ts';
import { classify } from '../../src/storage/lvm/failure.ts';
import { until } from '../../testkit/until.ts';

const never = (): AbortSignal => new AbortController().signal;

/** Whether a `sleep` with this argument runs. */
function runs(argument: string): boolean {
  const lines = readdirSync('/proc').map(pid => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    } catch {
      return [];
    }
  });
  return lines.some(([program, ...args]) => program === 'sleep' && args.includes(argument));
}

test('a child gets nothing of our environment, and the locale C', async t => {
  process.env.PDISK_TEST_SECRET = 'secret';
  t.teardown(() => {
    delete process.env.PDISK_TEST_SECRET;
  });
  const names = (await createRunner()('env', [], never())).split('\n').map(line => line.split('=')[0]);
  t.deepEqual(names.filter(Boolean).sort(), ['LC_ALL', 'LVM_SUPPRESS_FD_WARNINGS', 'PATH']);
});

test('the error of a failed program has its standard error and its status', async t => {
  const failing = createRunner()('sh', ['-c', 'echo first >&2; echo second >&2; exit 5'], never());
  const error = await t.throwsAsync(failing, { instanceOf: CommandError });
  t.is(error?.message, 'first; second');
  t.is(error?.status, 5);
});

test('a child ends at its deadline', async t => {
  const argument = `60.${process.pid}1`;
  const abort = new AbortController();
  const sleeping = createRunner()('sleep', [argument], abort.signal);
  await until(() => runs(argument), 'the child');
  abort.abort(new Error('deadline'));
  await t.throwsAsync(sleeping, { message: 'deadline' });
  t.false(runs(argument));
});

test('a child ends with our process, even after SIGKILL', async t => {
  const argument = `60.${process.pid}2`;
  const command = new URL('../../src/storage/command.ts', import.meta.url).href;
  const code = `const { createRunner } = await import('${command}');
    await createRunner()('sleep', ['${argument}'], new AbortController().signal);`;
  const parent = spawn(process.execPath, ['--import=tsx', '--input-type=module', '--eval', code], {
    stdio: 'ignore',
  });
  await until(() => runs(argument), 'the child');
  parent.kill('SIGKILL');
  await once(parent, 'close');
  await until(() => !runs(argument), 'the end of the child');
  t.pass();
});

/** A program of that name that ignores SIGTERM and ends when there is a file `go` in its directory. */
async function stubborn(t: ExecutionContext, name: string) {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-stubborn-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const script = [
    '#!/bin/sh',
    `trap 'touch ${directory}/asked' TERM`,
    `touch ${directory}/begun`,
    `until [ -e ${directory}/go ]; do sleep 0.01; done`,
    `touch ${directory}/ended`,
  ];
  await writeFile(join(directory, name), script.join('\n'), { mode: 0o755 });
  const abort = new AbortController();
  const run = createRunner({ PATH: `${directory}:/usr/bin:/bin` }, 1);
  const running = run(name, [], abort.signal).then(
    () => 'ended',
    error => (error instanceof Error ? error.message : String(error)),
  );
  const at = (moment: string): string => join(directory, moment);
  await until(() => existsSync(at('begun')), 'the program to begin');
  abort.abort(new Error('deadline'));
  return { running, at };
}

test('a program that ignores SIGTERM is killed, but LVM may finish', async t => {
  const other = await stubborn(t, 'blkdiscard');
  t.is(await other.running, 'deadline');
  t.false(existsSync(other.at('ended')));
  const lvm = await stubborn(t, 'lvm');
  // The shell runs its trap only after its `sleep`, which takes ten times as long as the time before SIGKILL.
  await until(() => existsSync(lvm.at('asked')), 'SIGTERM');
  await writeFile(lvm.at('go'), '');
  t.is(await lvm.running, 'ended');
  t.true(existsSync(lvm.at('ended')));
});

test('the kind of a failure is read from LVM’s message', t => {
  const said = (stderr: string, status = 5) => classify(new CommandError('lvm', status, stderr));
  t.is(said('  Volume group "novg" not found\n  Cannot process volume group novg'), 'not-found');
  t.is(said('  Failed to find logical volume "vg/nope"'), 'not-found');
  t.is(said('  Logical Volume "pdisk-a" already exists in volume group "vg"'), 'exists');
  t.is(said('  Volume group "vg" has insufficient free space (1152 extents): 256000 required.'), 'full');
  t.is(said('  Insufficient free space: 512 extents needed, but only 255 available'), 'full');
  t.is(said('  Logical volume vg/pdisk-a in use.'), 'busy');
  t.is(said("  Can't get lock for vg"), 'busy');
  t.is(said('setpriv: failed to execute lvm: No such file or directory', 127), 'missing');
  t.is(said('  Something new'), 'other');
  t.is(classify(new Error('in use')), 'other');
  t.is(classify(new NotStarted('there are no more processes')), 'not-started');
});
