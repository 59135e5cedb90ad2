import { type Place, type Subject, type Way, waysOf } from './graph.ts';
import { roundOf, waysForGood } from './rounds.ts';

/** The longest wait that a chart may set, in milliseconds: the day in which a dead VM may be detached. */
const LONGEST_MS = 86_400_000;

const rests = ({ tags }: Place): boolean => tags.has('rest');
/** Rests until a deadline, not for good. */
const isTimed = ({ tags }: Place): boolean => tags.has('timed');
const isNew = (subject: Subject, { state }: Place): boolean =>
  subject.machine.root.initial.target[0]?.key === state;

const isAhead = (deadline: number | null, now: number): boolean =>
  deadline !== null && deadline > now && deadline <= now + LONGEST_MS;

const entering = ({ event, from, to }: Way): string =>
  `after ${event} in '${from.state}' it is in '${to.state}'`;

/** What is wrong with the deadline that one way leads to; undefined: nothing. */
function deadlineFinding(way: Way): string | undefined {
  const { from, to, after, kind, asks, now } = way;
  if (to.isOver) return undefined;
  if (rests(to) && !isTimed(to)) {
    return after.deadline === null
      ? undefined
      : `${entering(way)}, at rest, with a deadline that nobody needs`;
  }
  if (after.deadline === null) return `${entering(way)} without a deadline`;
  const isEntered = to.state !== from.state || asks || kind === 'deadline';
  const isKept = !isEntered && after.deadline === from.context.deadline;
  return isKept || isAhead(after.deadline, now)
    ? undefined
    : `${entering(way)}, and no deadline was set for this wait`;
}

/** What is wrong with one way out of a wait; undefined: nothing. */
function exitFinding({ from, to, event, kind, heard, asks, answers, after }: Way): string | undefined {
  const { state, asked, context } = from;
  if (rests(from)) {
    if (!isTimed(from) || kind !== 'deadline') return undefined;
    return to.state === state ? `'${state}' is never left: its deadline leads nowhere` : undefined;
  }
  if (kind === 'outside') {
    return rests(to) && !answers ? `${event} ends '${state}' and answers nobody` : undefined;
  }
  if (!heard) {
    if (kind === 'deadline') return `nothing ends '${state}' when its deadline passes: TIMEOUT is not heard`;
    if (kind === 'restart') return `nothing goes on in '${state}' after a restart: RESUME is not heard`;
    return `'${state}' does not hear ${event}, by which ${asked} may end`;
  }
  if (rests(to)) return answers ? undefined : `${event} ends '${state}' and answers nobody`;
  if (kind === 'restart' && !asks) return `RESUME in '${state}' asks for nothing`;
  if (kind === 'deadline' && !asks) return `the deadline of '${state}' passes, and nothing is asked for`;
  if (asks && after.attempt <= context.attempt)
    return `${event} in '${state}' asks again under the same number`;
  return undefined;
}

/** A state without the tag for it that asks again and again. */
function retryFinding({ from, to, kind }: Way): string | undefined {
  const isLoop = from.state === to.state && kind === 'deadline';
  if (!isLoop || rests(from) || from.tags.has('retried')) return undefined;
  return `'${from.state}' goes on after its deadline, and has no tag 'retried'`;
}

/**
 * Why a chart may be stuck, one sentence for each reason; empty: it cannot. A chart is not stuck if, from
 * every place that it can come to,
 * - each wait has a deadline ahead, which was set on the way in, and hears its deadline, a restart, and every
 *   result of what it asked for;
 * - whoever waits for an answer gets one before the chart rests;
 * - it comes to rest when what is asked for is done, at the latest by the deadlines where nothing is asked;
 * - failures and silence lead from one wait to another, but never back: a wait may be repeated only by a
 *   state that says so by its tag.
 * `ways`: those of the chart, where they are known already.
 */
export function findingsOf(subject: Subject, ways: readonly Way[] = waysOf(subject)): readonly string[] {
  const waits = ways.filter(({ from }) => !isNew(subject, from) || from.asked !== null);
  const lived = ways.filter(({ to }) => !isNew(subject, to));
  const found = [
    ...lived.map(deadlineFinding),
    ...waits.flatMap(way => [exitFinding(way), retryFinding(way)]),
    roundOf(waits),
    ...waysForGood(waits),
  ];
  const reasons = new Set(found.filter(one => one !== undefined));
  return [...reasons].map(reason => `The ${subject.machine.id} chart: ${reason}.`);
}
