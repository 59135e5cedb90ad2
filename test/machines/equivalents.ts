/** Mutants of the charts that no test can tell from the chart, by the names that `npm run mutate` gives them, and why. */
export const equivalents: readonly { readonly mutant: string; readonly why: string }[] = [];
