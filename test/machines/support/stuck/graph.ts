import { type AnyMachineSnapshot, type AnyStateMachine, type EventObject, transition } from 'xstate';
import { timeouts } from '../events.ts';

/** A chart with what the proof has to know of it. */
export interface Subject {
  readonly machine: AnyStateMachine;
  /** The effects, each with the events by which its request may end. */
  readonly results: Readonly<
    Record<string, Readonly<Record<'done' | 'refused' | 'unknown', readonly string[]>>>
  >;
  /** Every event in every variant that a guard tells apart. `attempt` in them does not matter. */
  readonly events: readonly EventObject[];
  /** What tells two contexts apart. */
  readonly keyOf: (context: unknown) => unknown;
}

/** What of a context the proof reads. */
export interface Waiting {
  readonly attempt: number;
  readonly deadline: number | null;
}

/** A state with a context that can be reached, and the effect whose result is still to come. */
export interface Place {
  readonly state: string;
  readonly context: Waiting;
  readonly tags: ReadonlySet<string>;
  /** In a final state, which has no record. */
  readonly isOver: boolean;
  readonly asked: string | null;
}

/** How an event comes about: as a result, by the deadline, by a restart, or from outside. */
export type Kind = 'done' | 'refused' | 'unknown' | 'deadline' | 'restart' | 'outside';

/** One event in one place, and where it leads. */
export interface Way {
  readonly from: Place;
  readonly to: Place;
  /** The context that the event has led to. `to` may have that of another way to the same place. */
  readonly after: Waiting;
  readonly event: string;
  readonly kind: Kind;
  /** When the event came, in milliseconds since 1970. */
  readonly now: number;
  /** Whether the chart has a transition for it; of events from outside nobody asks. */
  readonly heard: boolean;
  /** Whether an effect was started. */
  readonly asks: boolean;
  /** Whether the caller that waits was answered. */
  readonly answers: boolean;
}

const START = 1_000_000;

type Arrival = EventObject & { readonly now: number };

/** The event as it may come in this place; undefined: it cannot come there. */
function arriving(subject: Subject, place: Place, event: EventObject): [Arrival, Kind] | undefined {
  const { results } = subject;
  const { deadline, attempt } = place.context;
  const stamp = { now: (deadline ?? START) + 1, time: START, timeouts };
  if (event.type === 'TIMEOUT') return deadline === null ? undefined : [{ ...event, ...stamp }, 'deadline'];
  if (event.type === 'RESUME') return [{ ...event, ...stamp }, 'restart'];
  const isResult = Object.values(results).some(ends => Object.values(ends).flat().includes(event.type));
  if (!isResult) return [{ ...event, ...stamp }, 'outside'];
  const ends = place.asked === null ? undefined : results[place.asked];
  const kind = (['done', 'refused', 'unknown'] as const).find(one => ends?.[one].includes(event.type));
  if (!kind || !advances(place, event)) return undefined;
  return [Object.assign({}, event, stamp, { attempt }), kind];
}

/** Wiping goes on where it was: no piece is reported twice. */
function advances({ context }: Place, event: EventObject): boolean {
  const { wiped } = context as { wiped?: { bytes: number } | null };
  return !('bytes' in event) || (event.bytes as number) > (wiped?.bytes ?? 0);
}

const isWaiting = (tags: ReadonlySet<string>): boolean => !tags.has('rest');

/**
 * Every place that a chart can come to, and every way between them: all events from outside, and of results,
 * deadlines and restarts those that can come in that place. Results of earlier attempts are left out: other
 * tests show that they change nothing.
 */
export function waysOf(subject: Subject): readonly Way[] {
  const { machine, results, keyOf } = subject;
  const places = new Map<string, Place>();
  const ways: Way[] = [];

  function placeOf(snapshot: AnyMachineSnapshot, asked: string | null): Place {
    const { value, context, tags, status } = snapshot;
    const key = JSON.stringify([value, asked, keyOf(context)]);
    const place = places.get(key) ?? {
      state: String(value),
      context,
      tags,
      isOver: status === 'done',
      asked,
    };
    places.set(key, place);
    return place;
  }

  function walk(from: Place): void {
    const snapshot = machine.resolveState({ value: from.state, context: from.context });
    if (snapshot.status === 'done') return;
    for (const one of events) {
      const [event, kind] = arriving(subject, from, one) ?? [];
      if (!event || !kind) continue;
      const [next, actions] = transition(machine, snapshot, event);
      const isSame = String(next.value) === from.state && next.context === from.context;
      if (kind === 'outside' && isSame) continue;
      const types: string[] = actions.map(({ type }) => type);
      const started = types.find(type => type in results);
      const isAsked = kind === 'outside' || kind === 'deadline' ? from.asked : null;
      const hasLeft = String(next.value) !== from.state && isWaiting(next.tags);
      ways.push({
        from,
        // Only the chart starts effects: a wait that asks for nothing has its deadline alone.
        to: placeOf(next, started ?? (hasLeft ? null : isAsked)),
        after: next.context,
        event: event.type,
        kind,
        now: event.now,
        heard: kind === 'outside' || (machine.getTransitionData(snapshot, event)?.length ?? 0) > 0,
        asks: started !== undefined,
        answers: types.includes('answer'),
      });
    }
  }
  // One event of each kind of result is enough: its attempt is set where it arrives.
  const events = [...new Map(subject.events.map(event => [withoutAttempt(event), event])).values()];
  placeOf(machine.resolveState({ value: initialOf(machine), context: machine.config.context }), null);
  // A Map's iterator also visits what is added while it runs.
  for (const place of places.values()) walk(place);
  return ways;
}

const initialOf = (machine: AnyStateMachine): string => machine.root.initial.target[0]?.key ?? '';

const withoutAttempt = (event: EventObject): string => JSON.stringify({ ...event, attempt: 0 });
