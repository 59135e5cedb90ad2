// The chart tests that two runners share: ava, and `npm run mutate`, which runs them against mutants of the
// charts, in one process.

/** The assertions that a rule may use: those of ava that the mutation run has, too. */
export interface Assertions {
  is(actual: unknown, expected: unknown, message?: string): void;
  deepEqual(actual: unknown, expected: unknown, message?: string): void;
  /** Compares only the keys that `expected` has. */
  like(actual: unknown, expected: object, message?: string): void;
  true(actual: unknown, message?: string): void;
  false(actual: unknown, message?: string): void;
}

/** One behaviour of a chart, with the sentence that names it. */
export interface Rule {
  readonly title: string;
  readonly check: (t: Assertions) => void;
}

/** ava has a channel to each of its test processes; outside of one, it cannot be imported. */
const ava = process.send ? (await import('ava')).default : undefined;

/** Every rule of the modules that were imported. */
export const rules: Rule[] = [];

/** Declares a test of a chart, in place of ava's `test`. It runs charts with `play` alone, synchronously. */
export function test(title: string, check: (t: Assertions) => void): void {
  rules.push({ title, check });
  ava?.(title, t => check(t as Assertions));
}
