// What scripts/test runs: a build, then, beside each other, the checks, each counted like a test, ava, and ava in guests that have
// device-mapper; at the end what failed and was skipped, and the counts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import type { Tally } from './ava-report.ts';
import { details, fail, failures, runAva, say, skipped } from './ava-run.ts';
import { buildTests } from './built-tests.ts';
import { LVM, runLvm } from './lvm-tests.ts';

const checks: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['types', 'npm', 'run', '--silent', 'types'],
  ['lint and formatting', 'npm', 'run', '--silent', 'lint'],
  ['dead code', 'npm', 'run', '--silent', 'dead-code'],
  ['diagrams of the statecharts', 'npm', 'run', '--silent', 'charts', '--', '--check'],
  ['mutants of the statecharts', 'npm', 'run', '--silent', 'mutate'],
];

async function check([name, command, ...args]: (typeof checks)[number]): Promise<Tally> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => {
      output += text;
    });
  }
  const [status] = await once(child, 'close');
  // Biome colours its output even where nobody can see colours.
  if (status !== 0) return fail(name, stripVTControlCharacters(output));
  say(`  ✔ ${name}`);
  return { passed: 1, failed: 0, skipped: 0 };
}

/** One after the other: there are tests enough to keep the other processors busy. */
async function runChecks(): Promise<readonly Tally[]> {
  const tallies: Tally[] = [];
  for (const one of checks) tallies.push(await check(one));
  return tallies;
}

const args = process.argv.slice(2);
const options = args.filter(arg => arg.startsWith('-'));
const lvm = args.filter(arg => arg.startsWith(LVM));
const others = args.filter(arg => !options.includes(arg) && !lvm.includes(arg));
if (args.length === 0 && existsSync(LVM)) {
  // ava has no way to leave a folder out.
  others.push(...readdirSync('test').flatMap(name => (LVM.endsWith(name) ? [] : `test/${name}`)));
  lvm.push(LVM);
}
const build = await check(['build', 'scripts/lib/build']);
/** What cannot be built is run from its sources, and fails where they are wrong. */
async function bundle(): Promise<Tally> {
  try {
    await buildTests();
    return { passed: 0, failed: 0, skipped: 0 };
  } catch (error) {
    return fail('tests bundled', String(error));
  }
}
const bundled = await bundle();
const built = build.failed + bundled.failed === 0;
const runs: Promise<readonly Tally[]>[] = [];
if (args.length === 0) runs.push(runChecks());
if (lvm.length > 0) runs.push(runLvm([...options, ...lvm], built));
if (others.length > 0 || lvm.length === 0)
  runs.push(runAva([...options, ...others], { built }).then(tally => [tally]));
const tallies = [build, bundled, ...(await Promise.all(runs)).flat()];

for (const line of details) say(line);
if (failures.length > 0) say(['\nFailed:', ...failures].join('\n  '));
if (skipped.length > 0) say(['\nSkipped:', ...skipped].join('\n  '));
const total = (key: keyof Tally) => tallies.reduce((sum, tally) => sum + tally[key], 0);
say(`\n${total('passed')} passed, ${total('failed')} failed, ${total('skipped')} skipped`);
process.exitCode = total('failed') > 0 ? 1 : 0;
