import type { AnyStateMachine, EventObject } from 'xstate';
import type { Refusal } from '../../machines/reasons.ts';
import type { Vm } from '../../machines/vm.ts';
import { edgesOf, refusalNow } from './edges.ts';

/** An event as it could arrive now. */
export interface Probe {
  /** The assumption under which it is this event, as a phrase; empty: none. */
  readonly given: string;
  /** The VM that the assumption is about; null: none. */
  readonly vm: Vm | null;
  /** The request that sends it; null: no request does. */
  readonly request: string | null;
  readonly event: EventObject;
}

/** What a chart would do with an event now. `unheard`: the present state has no transition for it. */
export interface EventFinding {
  readonly event: string;
  readonly given: string;
  readonly vm: Vm | null;
  readonly request: string | null;
  readonly outcome: 'taken' | 'refused' | 'unheard';
  /** The target state; null: the state does not change. */
  readonly to: string | null;
  /** The guard of the transition taken; null: it has none. */
  readonly guard: string | null;
  /** The code of the refusal; null: it is not refused. */
  readonly code: Refusal | null;
}

/** Asks XState which transition each event would take now. Nothing is sent, and no action runs. */
export function explainEvents(
  machine: AnyStateMachine,
  record: { readonly state: string; readonly context: object },
  probes: readonly Probe[],
): readonly EventFinding[] {
  const snapshot = machine.resolveState({ value: record.state, context: record.context });
  const edges = edgesOf(machine);
  return probes.map(({ event, ...probe }) => {
    const [taken] = machine.getTransitionData(snapshot, event);
    const edge = edges.find(({ definition }) => definition === taken);
    const refuse = edge && refusalNow(edge.definition, { context: record.context, event });
    return {
      event: event.type,
      ...probe,
      outcome: edge === undefined ? 'unheard' : refuse === undefined ? 'taken' : 'refused',
      to: edge?.to ?? null,
      guard: edge?.guard ?? null,
      code: refuse?.code ?? null,
    };
  });
}
