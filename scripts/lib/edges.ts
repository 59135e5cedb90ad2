import type { AnyStateMachine, AnyTransitionDefinition } from 'xstate';

/** One transition of a chart, as it is drawn. */
export interface Edge {
  readonly from: string;
  readonly event: string;
  readonly guard: string | undefined;
  /** Undefined where the state stays. */
  readonly to: string | undefined;
  /** The code with which the chart refuses the event. */
  readonly refusal: string | undefined;
  readonly definition: AnyTransitionDefinition;
}

const nameOf = (part: unknown): string | undefined =>
  typeof part === 'string' ? part : (part as { type?: string } | undefined)?.type;

function refusalOf(definition: AnyTransitionDefinition): string | undefined {
  const note = definition.actions.find(action => nameOf(action) === 'refuse');
  return (note as { params?: { code?: string } } | undefined)?.params?.code;
}

/** Every transition of a flat chart, in the order in which it is written. */
export function edgesOf(machine: AnyStateMachine): Edge[] {
  return Object.values(machine.root.states).flatMap(state =>
    [...state.transitions.values()].flat().map(definition => ({
      from: state.key,
      event: definition.eventType,
      guard: nameOf(definition.guard),
      to: definition.target?.[0]?.key,
      refusal: refusalOf(definition),
      definition,
    })),
  );
}
