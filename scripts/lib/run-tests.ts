// What scripts/test runs: the checks, each counted like a test, then ava; at the end what failed, in full, and the counts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Tally, tapReader } from './tap.ts';

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
  say(`  FAILED ${name}`);
  failures.push(`${name}\n${details.trimEnd()}`);
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
    fail(name, output);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  say(`  ok ${name}`);
  return { passed: 1, failed: 0, skipped: 0 };
}

async function runAva(args: readonly string[]): Promise<Tally> {
  const ava = spawn('node_modules/.bin/ava', ['--tap', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(ava, 'close');
  const tap = tapReader();
  for await (const line of createInterface({ input: ava.stdout })) {
    const progress = tap.read(line);
    if (progress !== undefined) say(progress);
  }
  const [status, signal] = await ended;
  const { passed, failed } = tap.tally();
  const told = tap.failures();
  failures.push(...told);
  skipped.push(...tap.skipped());

  const untold = !tap.complete() || failed > told.length || (status !== 0 && failed === 0);
  if (untold) fail('ava', `ended with ${signal ?? `status ${status}`}, and not every test came to its end`);
  else if (passed + failed === 0) fail('ava', 'ran no test');
  else return tap.tally();
  return { ...tap.tally(), failed: Math.max(failed, told.length + 1) };
}

const args = process.argv.slice(2);
const tallies: Tally[] = [];
if (args.length === 0) {
  say('Checks');
  for (const one of checks) tallies.push(await check(one));
}
tallies.push(await check(['build', 'scripts/lib/build']));
say('Tests');
tallies.push(await runAva(args));

for (const failure of failures) say(`\nFAILED: ${failure}`);
if (skipped.length > 0) say(['\nSkipped:', ...skipped].join('\n  '));
const total = (key: keyof Tally) => tallies.reduce((sum, tally) => sum + tally[key], 0);
say(`\n${total('passed')} passed, ${total('failed')} failed, ${total('skipped')} skipped`);
process.exitCode = total('failed') > 0 ? 1 : 0;
