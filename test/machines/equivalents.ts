/**
 * Mutants of the charts that no test can tell from the chart, by the names that `npm run mutate` gives them, and why. Who adds a guard,
 * an action or a target writes the test that needs it; only what cannot be reached or seen is listed here.
 */
export const equivalents: readonly { readonly mutant: string; readonly why: string }[] = [];
