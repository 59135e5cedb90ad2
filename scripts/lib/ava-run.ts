// One run of ava, and the summary that scripts/test prints at its end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { avaReport, DETAILS, type Tally } from './ava-report.ts';
import { builtOf } from './built-tests.ts';

/** The details of failures that ava printed, and what failed and was skipped, for the summary. */
export const details: string[] = [];
export const failures: string[] = [];
export const skipped: string[] = [];

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Prints and records the failure of a check, or of something that tests need. */
export function fail(name: string, details: string): Tally {
  say(`  ✘ ${name}`);
  failures.push(`${name}\n${details.trimEnd()}`.replaceAll('\n', '\n    '));
  return { passed: 0, failed: 1, skipped: 0 };
}

/** The environment of a run. */
export interface Within {
  /** A program with arguments that is given ava and its arguments to run. */
  readonly program?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether built tests are run and start the built service; otherwise from sources. */
  readonly built?: boolean;
  /** Whether all of its tests may be skipped. */
  readonly maySkipAll?: boolean;
}

/**
 * Runs ava with these arguments and prints its results. Its details are printed with the summary, for other
 * runs print meanwhile.
 */
export async function runAva(
  args: readonly string[],
  { program: around = [], environment = {}, built = false, maySkipAll = false }: Within = {},
): Promise<Tally> {
  const files = built ? args.map(builtOf) : args;
  // By env(1), for a program that runs ava in another environment.
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
