// Some points of the matrix, spread over all operations; `npm run crash-matrix` runs all of them.
import test from 'ava';
import { type Matrix, openMatrix } from './support/all.ts';
import { operations } from './support/operations.ts';

/** At most so many points of each operation are run, spread over all of its points: some hundreds in all. */
const MOST = 9;

let matrix: Matrix;

test.before(async () => {
  matrix = await openMatrix();
});

test.after.always(() => matrix?.end());

operations.forEach((operation, index) => {
  test(`${operation.name}: after a kill or a failed call at any boundary all of it is there or nothing`, async t => {
    // Operations that begin late wait for others.
    t.timeout(3_600_000);
    const choice = { every: 1, first: index, most: MOST, kills: true, faults: true };
    const { boundaries, points, runs, missed, violations } = await matrix.run(operation, choice);
    t.log(
      `${boundaries} boundaries, ${runs} of ${points} points run, ${missed} not reached, ${violations.length} violations`,
    );
    t.deepEqual(violations, []);
    t.true(runs > missed, 'no point was reached');
  });
});
