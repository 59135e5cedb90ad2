// The chart tests that two runners share: ava, and `npm run mutate`, which runs them against mutants of the charts, in one process.

/** The assertions that a rule may use: those of ava that the mutation run has, too. */
export interface Assertions {
  is(actual: unknown, expected: unknown, message?: string): void;
  deepEqual(actual: unknown, expected: unknown, message?: string): void;
  /** Only what `expected` has is compared. */
  like(actual: unknown, expected: object, message?: string): void;
  true(actual: unknown, message?: string): void;
  false(actual: unknown, message?: string): void;
}

/** One behaviour of a chart, with the sentence that names it. */
export interface Rule {
  readonly title: string;
  readonly check: (t: Assertions) => void;
}

/** ava has a channel to each of its test processes. Outside of them it cannot be imported. */
const ava = process.send ? (await import('ava')).default : undefined;

/** Every rule of the modules that are loaded. */
export const rules: Rule[] = [];

/** Declares a test of a chart, in the place of ava's. It plays charts with `play` alone, and waits for nothing. */
export function test(title: string, check: (t: Assertions) => void): void {
  rules.push({ title, check });
  ava?.(title, t => check(t as Assertions));
}
