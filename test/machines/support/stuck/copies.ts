import { type AnyStateMachine, createMachine } from 'xstate';

/** A transition in the configuration of a chart. */
export interface Transition {
  guard?: unknown;
  target?: string;
  reenter?: boolean;
  actions?: unknown;
}

/** A state in the configuration of a chart; what may be one or several is always a list here. */
export interface State {
  tags: string[];
  entry: unknown[];
  on: Record<string, Transition[]>;
}

/** The states of a copy, to be changed in place. */
export type States = Record<string, State>;

const listOf = (part: unknown): unknown[] => (part === undefined ? [] : [part].flat());

const stateOf = (state: { tags?: unknown; entry?: unknown; on?: Record<string, unknown> }): State => ({
  ...state,
  tags: listOf(state.tags) as string[],
  entry: listOf(state.entry),
  on: Object.fromEntries(
    Object.entries(state.on ?? {}).map(([event, ways]) => [
      event,
      listOf(ways).map(way => ({ ...(way as Transition), actions: listOf((way as Transition).actions) })),
    ]),
  ),
});

/** A copy of a chart in which `change` has changed the states. The chart itself stays as it is. */
export function copyOf(machine: AnyStateMachine, change: (states: States) => void): AnyStateMachine {
  const config = machine.config as unknown as { states: Record<string, object> };
  const states = Object.fromEntries(Object.entries(config.states).map(([name, one]) => [name, stateOf(one)]));
  change(states);
  return createMachine({ ...machine.config, states } as never, machine.implementations as never);
}

/** The state of that name, which the copy must have. */
export function stateIn(states: States, name: string): State {
  const state = states[name];
  if (!state) throw new Error(`the chart has no state '${name}'`);
  return state;
}

/** Takes an entry action from a state and gives it to every way in, the ways from one state excepted. */
export function onEveryWayBut(states: States, name: string, action: string, except: string): void {
  const state = stateIn(states, name);
  state.entry = state.entry.filter(one => one !== action);
  for (const [from, { on }] of Object.entries(states))
    for (const way of Object.values(on).flat())
      if (way.target === name && from !== except) way.actions = [...listOf(way.actions), action];
}
