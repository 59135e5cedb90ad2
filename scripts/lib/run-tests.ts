// What scripts/test runs: the checks, each counted like a test, then ava, then ava once more in guests that have device-mapper; at
// the end what failed and was skipped, and the counts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import { avaReport, type Tally } from './ava-report.ts';

const checks: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['types', 'npm', 'run', '--silent', 'types'],
  ['lint and formatting', 'npm', 'run', '--silent', 'lint'],
  ['dead code', 'npm', 'run', '--silent', 'dead-code'],
  ['diagrams of the statecharts', 'npm', 'run', '--silent', 'charts', '--', '--check'],
];

const failures: string[] = [];
const skipped: string[] = [];

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function fail(name: string, details: string): void {
  say(`  ✘ ${name}`);
  failures.push(`${name}\n${details.trimEnd()}`.replaceAll('\n', '\n    '));
}

async function check([name, command, ...args]: (typeof checks)[number]): Promise<Tally> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => {
      output += text;
    });
  }
  const [status] = await once(child, 'close');
  if (status !== 0) {
    // Biome colours its output even where nobody can see colours.
    fail(name, stripVTControlCharacters(output));
    return { passed: 0, failed: 1, skipped: 0 };
  }
  say(`  ✔ ${name}`);
  return { passed: 1, failed: 0, skipped: 0 };
}

async function runAva(args: readonly string[], within: readonly string[] = []): Promise<Tally> {
  const [program = '', ...rest] = [...within, 'node_modules/.bin/ava', '--no-color', ...args];
  const ava = spawn(program, rest, {
    // Any terminal but the kernel's own gets the marks that avaReport knows.
    env: { ...process.env, TERM: 'dumb' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaints = '';
  ava.stderr.setEncoding('utf8').on('data', text => {
    process.stderr.write(text);
    complaints += text;
  });
  const ended = once(ava, 'close');
  const report = avaReport();
  for await (const line of createInterface({ input: ava.stdout })) {
    say(line);
    report.read(line);
  }
  const [status, signal] = await ended;
  const tally = report.tally();
  failures.push(...report.failures());
  skipped.push(...report.skipped());
  if (tally.failed > 0) return tally;
  if (status !== 0) fail('ava', `ended with ${signal ?? `status ${status}`}\n${complaints}`);
  else if (tally.passed === 0) fail('ava', 'ran no test');
  else return tally;
  return { ...tally, failed: 1 };
}

const LVM = 'test/lvm';
const lvmGuest = 'scripts/virt/lvm-guest.sh';

/** Guests in the guest would boot for minutes: they are booted out here, and go on in there. Answers their folder. */
async function saveGuests(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'pdisk-saved-'));
  const saver = `${LVM}/support/save-guests.ts`;
  const saving = spawn('node', ['--import=tsx', saver, folder], { stdio: 'inherit' });
  const [status] = await once(saving, 'close');
  if (status !== 0) fail(saver, `ended with status ${status}`);
  return folder;
}

/** What is run in each guest, which has one processor: the longest files and all others, where the folder itself was named. */
function shares(args: readonly string[]): readonly (readonly string[])[] {
  if (!args.includes(LVM)) return [args];
  const files = readdirSync(LVM).filter(name => name.endsWith('.test.ts'));
  const longest: readonly string[] = ['service.test.ts', 'interrupted-wiping.test.ts'];
  const others = files.filter(name => !longest.includes(name));
  return [longest, others].map(names => names.map(name => `${LVM}/${name}`));
}

/** Real LVM needs a kernel with device-mapper: a guest, in which each file of tests has disks of its own. */
async function runLvm(args: readonly string[]): Promise<readonly Tally[]> {
  const prepared = spawn(lvmGuest, ['--prepare'], { stdio: 'inherit' });
  const [status] = await once(prepared, 'close');
  // Without it they are skipped, each by its name.
  if (status !== 0 || process.getuid?.() !== 0) return [await runAva(args)];
  const saved = await saveGuests();
  const disks = ['100G', ...Array<string>(9).fill('40G')].flatMap(size => ['-d', size]);
  const guest = [lvmGuest, '-t', '2400', ...disks, 'env', `PDISK_SAVED_GUESTS=${saved}`];
  try {
    return await Promise.all(
      shares(args).map(share => runAva(['--concurrency=2', '--timeout=20m', ...share], guest)),
    );
  } finally {
    rmSync(saved, { recursive: true });
  }
}

const args = process.argv.slice(2);
const named = args.filter(arg => arg.startsWith(LVM));
const others = args.filter(arg => !arg.startsWith(LVM));
const tallies: Tally[] = [];
if (args.length === 0) {
  say('Checks');
  for (const one of checks) tallies.push(await check(one));
}
tallies.push(await check(['build', 'scripts/lib/build']));
say('Tests');
const hasLvm = existsSync(LVM);
if (args.length === 0) {
  // ava has no way to leave a folder out.
  const folders = hasLvm ? readdirSync('test').filter(name => !LVM.endsWith(name)) : [];
  tallies.push(await runAva(folders.map(name => `test/${name}`)));
  if (hasLvm) named.push(LVM);
}
if (others.length > 0) tallies.push(await runAva(others));
if (named.length > 0) tallies.push(...(await runLvm(named)));

if (failures.length > 0) say(['\nFailed:', ...failures].join('\n  '));
if (skipped.length > 0) say(['\nSkipped:', ...skipped].join('\n  '));
const total = (key: keyof Tally) => tallies.reduce((sum, tally) => sum + tally[key], 0);
say(`\n${total('passed')} passed, ${total('failed')} failed, ${total('skipped')} skipped`);
process.exitCode = total('failed') > 0 ? 1 : 0;
