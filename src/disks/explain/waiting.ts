import type { AnyStateMachine } from 'xstate';
import { explainEvents, type Probe } from '../../charts/explain-event.ts';
import type { Party } from '../../charts/parties.ts';
import type { StoredRecord } from '../records/records.ts';
import type { WhyWaiting } from '../service.ts';
import { timeText } from './times.ts';

/** Messages that report no result: the end of a wait itself, and a restart. */
const RESULTLESS: ReadonlySet<string> = new Set(['TIMEOUT', 'RESUME']);

/** The phrases of a chart: what each message means, and what each state is, as the end of a wait. */
interface Phrases {
  readonly hears: Readonly<Record<string, string>>;
  readonly ends: Readonly<Record<string, string>>;
}

/**
 * What the chart of a record waits for and what its deadline leads to, as the chart itself says: `probes` are
 * all events that could arrive now.
 */
export function waitOf(
  machine: AnyStateMachine,
  record: StoredRecord,
  probes: readonly Probe[],
  phrases: Phrases,
  wait: { readonly for: Party; readonly attachment: string | null; readonly since: number | null },
): WhyWaiting {
  const { deadline } = record.context;
  if (deadline === null) return { ...wait, until: null, next: [], afterwards: null };
  const findings = explainEvents(machine, record, probes);
  const taken = findings.filter(one => one.outcome === 'taken');
  const results = taken.filter(one => one.request === null && !RESULTLESS.has(one.event));
  const end = taken.find(one => one.event === 'TIMEOUT')?.to ?? null;
  return {
    ...wait,
    until: deadline,
    next: [...new Set(results.map(one => one.event))].map(event => ({
      event,
      means: phrases.hears[event] ?? '',
    })),
    afterwards: end === null ? null : { state: end, means: meaningOf(end, record.state, phrases) },
  };
}

const meaningOf = (to: string, from: string, { ends }: Phrases): string =>
  to === from ? 'it is tried again' : (ends[to] ?? '');

/** A wait as sentences. `whom` continues "It waits for …". */
export function waitSentences({ since, until, next, afterwards }: WhyWaiting, whom: string): string[] {
  const begun = since === null ? '' : ` since ${timeText(since)}`;
  return [
    `It waits for ${whom}${begun}.`,
    ...(next.length > 0 ? [`What can come next: ${next.map(({ means }) => means).join('; ')}.`] : []),
    ...(until !== null && afterwards !== null
      ? [`If nothing has come until ${timeText(until)}, ${afterwards.means}.`]
      : []),
  ];
}
