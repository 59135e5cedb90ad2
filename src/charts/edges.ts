import type { AnyStateMachine, AnyTransitionDefinition } from 'xstate';
import type { Refuse } from '../../machines/notes.ts';

/** One transition of a chart: an edge of its diagram. */
export interface Edge {
  readonly from: string;
  readonly event: string;
  readonly guard: string | undefined;
  /** The target state; undefined: the state does not change. */
  readonly to: string | undefined;
  /**
   * The code with which the chart refuses the event; undefined: it does not refuse, or the code depends on
   * the event.
   */
  readonly refusal: string | undefined;
  readonly definition: AnyTransitionDefinition;
}

const nameOf = (part: unknown): string | undefined =>
  typeof part === 'string' ? part : (part as { type?: string } | undefined)?.type;

const refuseIn = ({ actions }: AnyTransitionDefinition): { params?: unknown } | undefined =>
  actions.find(action => nameOf(action) === 'refuse') as { params?: unknown } | undefined;

/** The refusal of a transition for an event sent now, also if the code depends on context and event. */
export function refusalNow(
  definition: AnyTransitionDefinition,
  now: { context: object; event: object },
): Refuse | undefined {
  const params = refuseIn(definition)?.params;
  return (typeof params === 'function' ? params(now) : params) as Refuse | undefined;
}

/** Every transition of a flat chart, in source order: XState takes the first whose guard holds. */
export function edgesOf(machine: AnyStateMachine): Edge[] {
  return Object.values(machine.root.states).flatMap(state =>
    [...state.transitions.values()].flat().map(definition => ({
      from: state.key,
      event: definition.eventType,
      guard: nameOf(definition.guard),
      to: definition.target?.[0]?.key,
      refusal: (refuseIn(definition)?.params as Partial<Refuse> | undefined)?.code,
      definition,
    })),
  );
}
