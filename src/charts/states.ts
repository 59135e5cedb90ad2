import type { AnyStateMachine, StateValueFrom, TagsFrom } from 'xstate';

/** The name of a state of a flat chart. */
export type StateOf<Machine extends AnyStateMachine> = StateValueFrom<Machine> & string;

/** The states in which there is a record: nothing has happened in the initial one, and a final one ends with its record. */
export type KeptStateOf<Machine extends AnyStateMachine> = Exclude<
  StateOf<Machine>,
  'new' | 'deleted' | 'released'
>;

const namesOf = <Machine extends AnyStateMachine>(
  machine: Machine,
  isWanted: (state: Machine['root']) => boolean,
) =>
  Object.values(machine.root.states)
    .filter(isWanted)
    .map(({ key }) => key as StateOf<Machine>);

/** The states of a flat chart that have this tag. */
export const statesWith = <Machine extends AnyStateMachine>(
  machine: Machine,
  tag: TagsFrom<Machine>,
): ReadonlySet<StateOf<Machine>> => new Set(namesOf(machine, state => state.tags.includes(tag)));

/** The states of a flat chart in which there is a record, in the order of the chart. */
export const keptStates = <Machine extends AnyStateMachine>(machine: Machine): KeptStateOf<Machine>[] =>
  namesOf(
    machine,
    state => state.type !== 'final' && !machine.root.initial.target.includes(state),
  ) as KeptStateOf<Machine>[];
