import { parseArgs } from 'node:util';
import { cpuSeconds, simulate, sumOf } from '../test/simulation/simulate.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '200000' },
    failures: { type: 'string', default: '1' },
  },
});

/** How often progress is printed, in runs. */
const EVERY = 200;

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

/** A whole number that an option has; ends the process where it is none. */
function numberOf(name: keyof typeof values): number {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number > 0) return number;
  process.stderr.write(`--${name} is a number from 1 on, not ${values[name]}\n`);
  process.exit(2);
}

const line = (runs: number, operations: number): string => sumOf(runs, operations, cpuSeconds());

const { runs, operations, failures } = await simulate({
  seed: numberOf('seed'),
  steps: numberOf('steps'),
  mostFailures: numberOf('failures'),
  onRun(done, all) {
    if (done % EVERY === 0) say(line(done, all));
  },
});
for (const failure of failures) say(failure);
say(`${line(runs, operations)}, ${failures.length} violations`);
if (failures.length > 0) process.exitCode = 1;
