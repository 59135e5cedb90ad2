// Mutants of a statechart: the same chart with one guard, action or target changed. They are made from the
// chart's own configuration, so a new transition has its mutants automatically.
import { type AnyStateMachine, createMachine, not } from 'xstate';

/** One mutant. Its name says what was changed where, and does not depend on other transitions. */
export interface Mutant {
  readonly name: string;
  /** The id of the chart. */
  readonly chart: string;
  readonly state: string;
  /** The event whose transition was changed; null: an entry action was changed. */
  readonly event: string | null;
  readonly machine: AnyStateMachine;
}

type Guard = string | { readonly type: string } | (() => boolean);
type Action = string | { readonly type: string };

interface Transition {
  readonly guard?: Guard | undefined;
  readonly target?: string | undefined;
  readonly reenter?: boolean;
  readonly actions?: Action | readonly Action[];
}

interface State {
  readonly entry?: Action | readonly Action[];
  readonly on?: Readonly<Record<string, Transition | readonly Transition[]>>;
}

interface Config {
  readonly states: Readonly<Record<string, State>>;
}

interface Change<Part> {
  readonly what: string;
  readonly part: Part;
}

const listOf = <Item>(one: Item | readonly Item[] | undefined): readonly Item[] =>
  one === undefined ? [] : ([one].flat() as readonly Item[]);

/** A guard that XState's `and`, `or` or `not` made of others. */
interface Combination {
  (): boolean;
  readonly guards: readonly Guard[];
}

const isCombination = (guard: unknown): guard is Combination =>
  typeof guard === 'function' && 'guards' in guard;

const nameOf = (part: Guard | Action): string => {
  if (typeof part === 'string') return part;
  if (isCombination(part)) return `${part.name}(${part.guards.map(nameOf).join(', ')})`;
  return 'type' in part ? part.type : part.name;
};

/** The guard without one of its operands, once for each operand at any depth. */
function withOneLess(guard: unknown): Change<Guard>[] {
  if (!isCombination(guard)) return [];
  const { guards, name } = guard;
  // The combination's own properties are how XState evaluates it.
  const over = (operands: readonly Guard[]): Guard => Object.assign(() => false, guard, { guards: operands });
  return guards.flatMap((operand, index) => [
    ...(name === 'not' ? [] : [{ what: nameOf(operand), part: over(guards.toSpliced(index, 1)) }]),
    ...withOneLess(operand).map(({ what, part }) => ({ what, part: over(guards.with(index, part)) })),
  ]);
}

function guardsInstead(machine: AnyStateMachine, guard: Guard): Change<Guard | undefined>[] {
  const made = (machine.implementations.guards as Record<string, unknown>)[nameOf(guard)] ?? guard;
  return [
    { what: 'guard dropped', part: undefined },
    { what: 'guard negated', part: not(guard as never) as Guard },
    ...withOneLess(made).map(({ what, part }) => ({ what: `guard without ${what}`, part })),
  ];
}

const actionsInstead = (actions: Transition['actions']): Change<readonly Action[]>[] =>
  listOf(actions).map((action, index, all) => ({
    what: `${nameOf(action)} dropped`,
    part: all.toSpliced(index, 1),
  }));

function transitionsInstead(
  machine: AnyStateMachine,
  state: string,
  transition: Transition,
): Change<Transition>[] {
  const { guard, target, reenter = false, actions } = transition;
  // A transition to its own state without reentry equals one without a target.
  const leaves = target !== undefined && (target !== state || reenter);
  return [
    ...(guard === undefined ? [] : guardsInstead(machine, guard)).map(({ what, part }) => ({
      what,
      part: { ...transition, guard: part },
    })),
    ...actionsInstead(actions).map(({ what, part }) => ({ what, part: { ...transition, actions: part } })),
    ...(leaves ? [{ what: 'target dropped', part: { ...transition, target: undefined } }] : []),
  ];
}

/** Every mutant of a flat chart, in the order of its configuration. */
export function mutantsOf(machine: AnyStateMachine): readonly Mutant[] {
  const config = machine.config as unknown as Config;
  const mutants: Mutant[] = [];

  function add(state: string, event: string | null, where: string, what: string, changed: State): void {
    const states = { ...config.states, [state]: changed };
    mutants.push({
      name: `${machine.id} ${state}: ${where}: ${what}`,
      chart: machine.id,
      state,
      event,
      machine: createMachine({ ...machine.config, states } as never, machine.implementations as never),
    });
  }

  for (const [name, state] of Object.entries(config.states)) {
    for (const { what, part } of actionsInstead(state.entry))
      add(name, null, 'entry', what, { ...state, entry: part });
    for (const [event, on] of Object.entries(state.on ?? {})) {
      listOf(on).forEach((transition, index, all) => {
        const where = transition.guard === undefined ? event : `${event} [${nameOf(transition.guard)}]`;
        for (const { what, part } of transitionsInstead(machine, name, transition))
          add(name, event, where, what, { ...state, on: { ...state.on, [event]: all.with(index, part) } });
      });
    }
  }
  return mutants;
}
