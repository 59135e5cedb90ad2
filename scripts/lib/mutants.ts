// Mutants of a statechart: the same chart with one guard, action or target changed. They are made of the chart's own configuration, so
// that a new transition has its mutants without anybody's doing.
import { type AnyStateMachine, createMachine, not } from 'xstate';

/** One mutant. Its name says what was changed where, and stays when other transitions come or go. */
export interface Mutant {
  readonly name: string;
  /** Id of the chart. */
  readonly chart: string;
  readonly state: string;
  /** The event whose transition was changed; null: what is done on entry was. */
  readonly event: string | null;
  readonly machine: AnyStateMachine;
}

type Guard = string | { readonly type: string } | (() => boolean);
type Action = string | { readonly type: string };

interface Transition {
  readonly guard?: Guard | undefined;
  readonly target?: string | undefined;
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

const nameOf = (part: Guard | Action): string =>
  typeof part === 'string' ? part : 'type' in part ? part.type : part.name;

const without = <Item>(items: readonly Item[], index: number): Item[] => items.toSpliced(index, 1);

/** The operands of a guard that XState's `and` or `or` made; of any other, none. */
function operandsOf(machine: AnyStateMachine, guard: Guard) {
  const guards = machine.implementations.guards as Record<string, unknown>;
  const made = (typeof guard === 'function' ? guard : guards[nameOf(guard)]) as
    | { readonly guards?: readonly Guard[] }
    | undefined;
  return { made, operands: made?.guards ?? [] };
}

function guardsInstead(machine: AnyStateMachine, guard: Guard): Change<Guard | undefined>[] {
  const { made, operands } = operandsOf(machine, guard);
  const weaker = operands.map((operand, index) => ({
    what: `guard without ${nameOf(operand)}`,
    // The combination itself, with its way to decide, over one operand less.
    part: Object.assign(() => false, made, { guards: without(operands, index) }),
  }));
  return [
    { what: 'guard dropped', part: undefined },
    { what: 'guard negated', part: not(guard as never) as Guard },
    ...weaker,
  ];
}

const actionsInstead = (actions: Transition['actions']): Change<readonly Action[]>[] =>
  listOf(actions).map((action, index, all) => ({
    what: `${nameOf(action)} dropped`,
    part: without(all, index),
  }));

function transitionsInstead(machine: AnyStateMachine, transition: Transition): Change<Transition>[] {
  const { guard, target, actions } = transition;
  return [
    ...(guard === undefined ? [] : guardsInstead(machine, guard)).map(({ what, part }) => ({
      what,
      part: { ...transition, guard: part },
    })),
    ...actionsInstead(actions).map(({ what, part }) => ({ what, part: { ...transition, actions: part } })),
    ...(target === undefined ? [] : [{ what: 'target dropped', part: { ...transition, target: undefined } }]),
  ];
}

/** Every mutant of a flat chart, in the order in which it is written. */
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
        for (const { what, part } of transitionsInstead(machine, transition))
          add(name, event, where, what, { ...state, on: { ...state.on, [event]: all.with(index, part) } });
      });
    }
  }
  return mutants;
}
