// Runs the rules of test/machines, in this process, against the charts and their mutants.
import assert, { AssertionError } from 'node:assert/strict';
import { playHooks } from '../../test/machines/support/play.ts';
import { type Assertions, type Rule, rules } from '../../test/machines/support/rule.ts';
import type { Mutant } from './mutants.ts';

/** The part of `actual` that has the keys of the expected value. */
function selected(actual: unknown, expected: unknown): unknown {
  if (typeof expected !== 'object' || expected === null || typeof actual !== 'object' || actual === null)
    return actual;
  const entries = Object.entries(expected).map(([key, value]) => [
    key,
    selected((actual as Record<string, unknown>)[key], value),
  ]);
  return Array.isArray(expected)
    ? Object.assign([], Object.fromEntries(entries))
    : Object.fromEntries(entries);
}

const assertions: Assertions = {
  is: (actual, expected, message) => assert.equal(actual, expected, message),
  deepEqual: (actual, expected, message) => assert.deepEqual(actual, expected, message),
  like: (actual, expected, message) => assert.deepEqual(selected(actual, expected), expected, message),
  true: (actual, message) => assert.equal(actual, true, message),
  false: (actual, message) => assert.equal(actual, false, message),
};

/** Runs one rule. Returns whether one of its expectations fails; any other error is thrown. */
function isBroken({ check }: Rule): boolean {
  try {
    check(assertions);
    return false;
  } catch (error) {
    if (error instanceof AssertionError) return true;
    throw error;
  }
}

const keyOf = (chart: string, state: string, event: string | null): string =>
  JSON.stringify([chart, state, event]);

/**
 * Runs every rule against the unchanged charts; throws if one fails. Returns a function that gives the rules
 * which can detect a mutant: those that send the event in the state where it differs, or enter that state.
 */
export function coverRules(): (mutant: Mutant) => readonly Rule[] {
  const reached = new Map<string, Set<Rule>>();
  for (const rule of rules) {
    const note = (key: string): void => {
      reached.set(key, (reached.get(key) ?? new Set()).add(rule));
    };
    playHooks.onSent = (chart, state, event, next) => {
      note(keyOf(chart, state, event));
      note(keyOf(chart, next, null));
    };
    if (isBroken(rule)) throw new Error(`fails without a mutation: ${rule.title}`);
  }
  playHooks.onSent = () => {};
  return ({ chart, state, event }) => [...(reached.get(keyOf(chart, state, event)) ?? [])];
}

/** The first of these rules whose expectation fails on the mutant; undefined: it survives. */
export function killerOf(mutant: Mutant, candidates: readonly Rule[]): Rule | undefined {
  const { machineOf } = playHooks;
  playHooks.machineOf = chart => (chart.id === mutant.chart ? (mutant.machine as typeof chart) : chart);
  try {
    return candidates.find(rule => {
      try {
        return isBroken(rule);
      } catch {
        // A mutant that throws has failed no expectation.
        return false;
      }
    });
  } finally {
    playHooks.machineOf = machineOf;
  }
}

interface Equivalent {
  readonly mutant: string;
  readonly why: string;
}

interface Verdict {
  readonly name: string;
  /** The rule that kills it; undefined: it survives. */
  readonly killer: Rule | undefined;
}

/**
 * What is wrong with these verdicts: survivors that are not listed, and listed mutants that do not survive.
 */
export function complaintsOf(verdicts: readonly Verdict[], listed: readonly Equivalent[]): readonly string[] {
  const names = verdicts.map(({ name }) => name);
  const survivors = new Set(verdicts.flatMap(({ name, killer }) => (killer ? [] : [name])));
  const allowed = new Set(listed.map(({ mutant }) => mutant));
  return [
    ...names
      .filter((name, index) => names.indexOf(name) !== index)
      .map(name => `two mutants have one name: ${name}`),
    ...[...survivors].filter(name => !allowed.has(name)).map(name => `survives: ${name}`),
    ...[...allowed]
      .filter(name => !survivors.has(name))
      .map(name => `listed, but ${names.includes(name) ? 'killed' : 'no mutant'}: ${name}`),
  ];
}
