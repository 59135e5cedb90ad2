// Many runs, one after the other, each with the next seed; and the report of one that fails.

import { planOf } from './plan.ts';
import { type Outcome, play } from './run.ts';
import { shrink } from './shrink.ts';

/** Steps of one run. Short runs shrink quickly, and each has its own hosts, settings and ways of failing. */
export const RUN_STEPS = 250;
/** Lines of the trace that a report has. */
const TRACE = 60;

/** What many runs did. */
export interface Tally {
  readonly runs: number;
  readonly operations: number;
  /** The reports of the runs that failed. */
  readonly failures: readonly string[];
}

/** The time that this process has had of a processor, in seconds. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** A line about many runs; `seconds`: the time that they took of a processor. */
export const sumOf = (runs: number, operations: number, seconds: number): string =>
  `${runs} runs, ${operations} operations, ${Math.round(operations / seconds)} operations per second of processor time`;

/** The report of a failing run: how to repeat it, its shortest form, and what happened in that. */
async function reportOf(seed: number, count: number, outcome: Outcome): Promise<string> {
  const shrunk = await shrink(seed, planOf(seed, count));
  const steps = shrunk.steps.map(({ act, salt, waitMs }) => `${act} ${salt} ${waitMs}`);
  return [
    `seed ${seed}: ${outcome.wrong[0]}`,
    `  again: npm run simulate -- --seed ${seed} --steps ${count}`,
    `  shrunk from ${outcome.played} to ${steps.length} steps in ${shrunk.tries} tries: ${shrunk.outcome.wrong[0]}`,
    ...steps.map(step => `    ${step}`),
    '  what happened:',
    ...shrunk.outcome.trace.slice(-TRACE).map(line => `    ${line}`),
  ].join('\n');
}

/**
 * Plays about `steps` steps from the first seed on, in runs of `RUN_STEPS`. `onRun` is called after each run;
 * `mostFailures`: after that many failing runs it ends.
 */
export async function simulate({
  seed,
  steps,
  onRun = () => {},
  mostFailures = 1,
}: {
  seed: number;
  steps: number;
  onRun?: (runs: number, operations: number) => void;
  mostFailures?: number;
}): Promise<Tally> {
  const failures: string[] = [];
  let operations = 0;
  let runs = 0;
  for (let left = steps; left > 0 && failures.length < mostFailures; left -= RUN_STEPS) {
    const count = Math.min(left, RUN_STEPS);
    const outcome = await play(seed + runs, planOf(seed + runs, count));
    operations += outcome.operations;
    if (outcome.wrong.length > 0) failures.push(await reportOf(seed + runs, count, outcome));
    runs += 1;
    onRun(runs, operations);
  }
  return { runs, operations, failures };
}
