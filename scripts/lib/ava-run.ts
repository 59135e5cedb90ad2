// One run of ava, and what scripts/test has to say at its end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { avaReport, DETAILS, type Tally } from './ava-report.ts';
import { builtOf } from './built-tests.ts';

/** What ava said of failures, and what failed and was skipped, for the end of the run: others may be under way. */
export const details: string[] = [];
export const failures: string[] = [];
export const skipped: string[] = [];

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Says and remembers that a check, or what tests need, failed. */
export function fail(name: string, details: string): Tally {
  say(`  ✘ ${name}`);
  failures.push(`${name}\n${details.trimEnd()}`.replaceAll('\n', '\n    '));
  return { passed: 0, failed: 1, skipped: 0 };
}

export interface Within {
  /** A program, with arguments, that is given ava and its arguments to run. */
  readonly program?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether tests are run as they were built, and start the service as it was built; else from sources. */
  readonly built?: boolean;
  /** Whether it is well that each of its tests is skipped. */
  readonly maySkipAll?: boolean;
}

/** Runs ava with these arguments, and says what it says, but for its details. */
export async function runAva(
  args: readonly string[],
  { program: around = [], environment = {}, built = false, maySkipAll = false }: Within = {},
): Promise<Tally> {
  const files = built ? args.map(builtOf) : args;
  // By env, for a program that gives what it runs another environment.
  const ava = ['env', `PDISK_BUILT=${built ? 1 : 0}`, 'node_modules/.bin/ava', '--no-color', ...files];
  const [program = '', ...rest] = [...around, ...ava];
  const child = spawn(program, rest, {
    // Any terminal but the kernel's own gets the marks that avaReport knows.
    env: { ...process.env, ...environment, TERM: 'dumb' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', text => {
    process.stderr.write(text);
    complaints += text;
  });
  const ended = once(child, 'close');
  const report = avaReport();
  const own: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    report.read(line);
    if (own.length > 0 || line === DETAILS) own.push(line);
    else say(line);
  }
  const [status, signal] = await ended;
  details.push(...own);
  const tally = report.tally();
  failures.push(...report.failures());
  skipped.push(...report.skipped());
  if (tally.failed > 0) return tally;
  if (status !== 0) fail('ava', `ended with ${signal ?? `status ${status}`}\n${complaints}`);
  else if (tally.passed === 0 && !(maySkipAll && tally.skipped > 0)) fail('ava', 'ran no test');
  else return tally;
  return { ...tally, failed: 1 };
}
