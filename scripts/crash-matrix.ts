// Runs the points of the crash matrix and prints what they show; see docs/testing.md.
import { parseArgs } from 'node:util';
import { openMatrix } from '../test/crash/support/all.ts';
import { operations } from '../test/crash/support/operations.ts';

const { values } = parseArgs({
  options: {
    every: { type: 'string', default: '1' },
    first: { type: 'string', default: '0' },
    most: { type: 'string' },
    jobs: { type: 'string' },
    operation: { type: 'string', default: '' },
    point: { type: 'string' },
    kills: { type: 'boolean', default: false },
    faults: { type: 'boolean', default: false },
  },
});
const say = (line: string): unknown => process.stdout.write(`${line}\n`);
const both = values.kills === values.faults;
const choice = {
  every: Number(values.every),
  first: Number(values.first),
  most: values.most === undefined ? undefined : Number(values.most),
  kills: values.kills || both,
  faults: values.faults || both,
  containing: values.point,
};
const exact = operations.filter(({ name }) => name === values.operation);
const chosen = exact.length > 0 ? exact : operations.filter(({ name }) => name.includes(values.operation));
const matrix = await openMatrix(values.jobs === undefined ? undefined : Number(values.jobs));
const results = await Promise.all(
  chosen.map(async operation => {
    const result = await matrix.run(operation, choice, line => say(`  ${line}`));
    const { boundaries, points, runs, missed, violations } = result;
    say(
      `${operation.name}: ${boundaries} boundaries, ${runs} of ${points} points run, ${missed} not reached, ${violations.length} violations`,
    );
    for (const violation of violations) say(violation);
    return result;
  }),
);
await matrix.end();
const sum = (key: 'boundaries' | 'points' | 'runs' | 'missed'): number =>
  results.reduce((total, result) => total + result[key], 0);
const violations = results.flatMap(result => result.violations).length;
say(
  `\n${chosen.length} operations, ${sum('boundaries')} boundaries, ${sum('runs')} of ${sum('points')} points run, ${sum('missed')} not reached, ${violations} violations`,
);
process.exitCode = violations > 0 || sum('runs') === 0 ? 1 : 0;
