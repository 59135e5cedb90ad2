import type { AnyStateMachine, StateValueFrom, TagsFrom } from 'xstate';

/** The name of a state of a flat chart. */
export type StateOf<Machine extends AnyStateMachine> = StateValueFrom<Machine> & string;

/**
 * The states that are stored: neither the initial state, before the first event, nor a final state, in which
 * the record is deleted.
 */
export type StoredStateOf<Machine extends AnyStateMachine> = Exclude<
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

/** The stored states of a flat chart, in source order. */
export const storedStates = <Machine extends AnyStateMachine>(machine: Machine): StoredStateOf<Machine>[] =>
  namesOf(
    machine,
    state => state.type !== 'final' && !machine.root.initial.target.includes(state),
  ) as StoredStateOf<Machine>[];
