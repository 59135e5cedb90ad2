/**
 * Mutants of the charts that no test can tell from the chart, by their names in `npm run mutate`, each with
 * the reason. A new guard, action or target needs a test; only what cannot be reached or observed is listed
 * here.
 */
export const equivalents: readonly { readonly mutant: string; readonly why: string }[] = [];
