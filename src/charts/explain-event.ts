import type { AnyStateMachine, EventObject } from 'xstate';
import type { Refusal } from '../../machines/reasons.ts';
import type { Vm } from '../../machines/vm.ts';
import { edgesOf, refusalNow } from './edges.ts';

/** An event as it could come now. */
export interface Probe {
  /** What is assumed of it, in words; empty where there is nothing to assume. */
  readonly given: string;
  /** The machine that the assumption is about. */
  readonly vm: Vm | null;
  /** The request that sends it, where one does. */
  readonly request: string | null;
  readonly event: EventObject;
}

/** What a chart would do with an event now. `unheard`: the state says nothing of such an event. */
export interface EventFinding {
  readonly event: string;
  readonly given: string;
  readonly vm: Vm | null;
  readonly request: string | null;
  readonly outcome: 'taken' | 'refused' | 'unheard';
  /** Where it would lead; null where the state stays. */
  readonly to: string | null;
  /** The guard that decides so; null where the state alone does. */
  readonly guard: string | null;
  /** The code with which it would be refused. */
  readonly code: Refusal | null;
}

/** Asks the machine itself which of its transitions each event would take now; nothing is sent, no action runs. */
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
