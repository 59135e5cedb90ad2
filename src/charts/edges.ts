import type { AnyStateMachine, AnyTransitionDefinition } from 'xstate';
import type { Refuse } from '../../machines/notes.ts';

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

const refuseIn = ({ actions }: AnyTransitionDefinition): { params?: unknown } | undefined =>
  actions.find(action => nameOf(action) === 'refuse') as { params?: unknown } | undefined;

/** How a transition refuses an event that comes now, also where the note of it is made only then. */
export function refusalNow(
  definition: AnyTransitionDefinition,
  now: { context: object; event: object },
): Refuse | undefined {
  const params = refuseIn(definition)?.params;
  return (typeof params === 'function' ? params(now) : params) as Refuse | undefined;
}

/** Every transition of a flat chart, in the order in which it is written. */
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
