import { type AnyStateMachine, createActor, type EventObject, type InspectionEvent } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { type Edge, edgesOf } from '../../../src/charts/edges.ts';

/** One event, sent in one reachable state. */
export interface Visit {
  readonly from: string;
  readonly before: Record<string, unknown>;
  readonly event: EventObject;
  readonly to: string;
  readonly context: Record<string, unknown>;
}

interface Walk {
  readonly visits: readonly Visit[];
  /** The chart's transitions that no visit took. */
  readonly missed: readonly Edge[];
}

const isMicrostep = (event: InspectionEvent): event is InspectionEvent & { type: '@xstate.microstep' } =>
  event.type === '@xstate.microstep';

/**
 * Finds every state and context that the events lead to (two contexts are one if `key` returns the same for
 * them), sends each event there, and notes which transitions were taken.
 */
export function walk(
  machine: AnyStateMachine,
  events: readonly EventObject[],
  key: (context: Record<string, unknown>) => unknown,
): Walk {
  const serializeState = (state: { value: unknown; context: Record<string, unknown> }): string =>
    JSON.stringify([state.value, key(state.context)]);
  const paths = getShortestPaths(machine, { events: [...events], serializeState, limit: 1_000_000 } as never);
  const taken = new Set<unknown>();
  const visits: Visit[] = [];
  for (const { state } of paths as {
    state: { value: string; context: Record<string, unknown>; status: string };
  }[]) {
    if (state.status === 'done') continue;
    for (const event of events) {
      const snapshot = machine.resolveState({ value: state.value, context: state.context });
      const inspect = (seen: InspectionEvent): void => {
        if (isMicrostep(seen)) for (const transition of seen._transitions) taken.add(transition);
      };
      const actor = createActor(machine, { snapshot, inspect });
      actor.subscribe({ error: () => {} });
      actor.start();
      actor.send(event);
      const after = actor.getSnapshot();
      if (after.error) throw after.error;
      visits.push({
        from: state.value,
        before: state.context,
        event,
        to: String(after.value),
        context: after.context,
      });
    }
  }
  return { visits, missed: edgesOf(machine).filter(edge => !taken.has(edge.definition)) };
}
