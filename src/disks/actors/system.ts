import type { AttachmentContext } from '../../../machines/attachment-parts.ts';
import type { DiskContext } from '../../../machines/disk-parts.ts';
import { attachmentKey, diskKey } from '../../../machines/notes.ts';
import type { Failure, Problem, Refusal } from '../../../machines/reasons.ts';
import type { Timeouts } from '../../../machines/stamp.ts';
import { errorOf } from '../../errors.ts';
import type { GroupCommit } from '../../store/group-commit.ts';
import { eventKey } from '../../store/keys.ts';
import type { EventRecord } from '../../store/records.ts';
import type { RecordIndex } from '../records/record-index.ts';
import { isDiskKey, isWaiting, type StoredRecord } from '../records/records.ts';
import type { Cause, Decided, Waiting } from '../service.ts';
import type { Effects } from './effects.ts';
import { createDecider, type Delivery, type EffectNote, type Inspect, type Step } from './step.ts';
import { eventsOf } from './step-events.ts';
import { createWaits } from './waits.ts';

/** The result of a delivery. */
export interface DeliveryResult {
  /** The chart's refusal: nothing has changed. Undefined: it did not refuse. */
  readonly refused: { readonly code: Refusal; readonly detail?: string } | undefined;
  /** What went wrong outside, if the delivery waited for the actor's answer; null: nothing. */
  readonly problem: Problem<Failure> | null;
  /** The context of the actor that answered, as it was then; undefined: the delivery waited for none. */
  readonly context: DiskContext | AttachmentContext | undefined;
}

/** All actors of a store: the only way to change a disk or an attachment. */
export interface ActorSystem {
  /**
   * One step: decides, commits one batch, and resolves when the batch is on disk or, with `until`, when the
   * actor of that key has answered and the answer is on disk. A refusal also waits for the batches in flight,
   * because it may depend on them. Rejects with STORE_FAILED or STOPPING if nothing is decided, with
   * INTERRUPTED if the step is decided and its result is not known.
   */
  deliver(deliveries: readonly Delivery[], cause: Cause, until?: string): Promise<DeliveryResult>;
  /**
   * Resolves when everything decided so far is on disk. A request that is refused because of the decided
   * records waits for it: after a crash, what they say may not be so. Rejects with STORE_FAILED.
   */
  settled(): Promise<void>;
  /** Sends TIMEOUT to every actor whose deadline has passed. */
  sweep(): void;
  /** When the longest present wait for each party began, in milliseconds since 1970. */
  waitingSince(): ReadonlyMap<Waiting['for'], number>;
  /**
   * When the present wait of an actor began, in milliseconds since 1970; for one that waited before the last
   * restart, the time of the restart. Undefined: it does not wait.
   */
  waitOf(key: string): number | undefined;
  /**
   * Rejects all waiting deliveries with INTERRUPTED, aborts the running effects and accepts no more
   * deliveries; the next start resumes the actors. Resolves when all effects have ended.
   */
  stop(): Promise<void>;
}

/** What the actor system needs. */
export interface SystemParts {
  readonly groupCommit: GroupCommit;
  readonly effects: Effects;
  /** The decided records, loaded from the store. */
  readonly decided: RecordIndex;
  /** The committed records, loaded from the store. */
  readonly committed: RecordIndex;
  /** The newest sequence number in the event log. */
  readonly lastSequence: number;
  readonly timeouts: Timeouts;
  /** Undefined: the actors are not inspected. */
  readonly inspect?: Inspect | undefined;
  /** The monotonic clock, for deadlines, in milliseconds since 1970. */
  readonly now: () => number;
  /** The system's clock, for timestamps that people read, in milliseconds since 1970. */
  readonly time: () => number;
  /**
   * Called with the events of every step, in order of their sequence numbers, after they are on disk and
   * visible to readers.
   */
  readonly publish: (events: readonly EventRecord[]) => void;
  /** Called when an effect rejects or a chart throws on its result: a bug, and the process must end. */
  readonly fault: (error: Error) => void;
}

interface Waiter {
  readonly step: number;
  readonly resolve: (outcome: DeliveryResult) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The shell around the charts. Order of every step: decide in memory, commit, and only then start effects,
 * show the records to readers, answer callers and publish events.
 */
export function createActorSystem(parts: SystemParts): ActorSystem {
  const { groupCommit, effects, decided, committed, timeouts, now, time, publish, fault } = parts;
  const decider = createDecider(decided.get, parts.inspect);
  const waiters = new Map<string, Waiter[]>();
  const deadlines = new Map<string, number>();
  const running = new Map<string, { readonly abort: AbortController; readonly ended: Promise<void> }>();
  const waits = createWaits();
  let sequence = parts.lastSequence;
  let steps = 0;
  let stopped: Error | undefined;

  for (const record of [...decided.disks(), ...decided.attachments()]) {
    waits.note(keyOf(record.context), record, time());
    const { deadline } = record.context;
    if (deadline !== null) deadlines.set(keyOf(record.context), deadline);
  }

  async function deliver(
    deliveries: readonly Delivery[],
    cause: Cause,
    until?: string,
  ): Promise<DeliveryResult> {
    if (stopped) throw stopped;
    const stamp = { now: now(), time: time(), timeouts };
    const step = decider.decide(deliveries, stamp);
    const refused = step.refused ?? unhandled(step.unhandled);
    if (refused) {
      await settled();
      return { refused, problem: null, context: undefined };
    }
    steps += 1;
    const number = steps;
    const events = eventsOf(step, decided, stamp.time, sequence, cause);
    sequence += events.length;
    for (const [key, record] of step.touched) remember(key, record);
    const answered = until === undefined ? undefined : wait(until, number);
    await durable(write(step, events, cause));
    settle(step, number, cause);
    if (events.length > 0) publish(events);
    return answered ?? { refused: undefined, problem: null, context: undefined };
  }

  function remember(key: string, record: StoredRecord | undefined): void {
    decided.set(key, record);
    if (record && record.context.deadline !== null) deadlines.set(key, record.context.deadline);
    else deadlines.delete(key);
    waits.note(key, record, time());
  }

  function write(step: Step, events: readonly EventRecord[], { alsoWrite }: Cause): Promise<void> {
    if (step.touched.size === 0) return groupCommit.flushed();
    const records = [...step.touched].map(([key, value]) => ({ key, value }));
    const log = events.map(event => ({ key: eventKey(event.sequence), value: event }));
    return groupCommit.commit([...records, ...log, ...(alsoWrite?.(decidedBy(step)) ?? [])]);
  }

  /** Called when the batch is on disk: starts effects, shows the records to readers, answers callers. */
  function settle(step: Step, number: number, cause: Cause): void {
    for (const [key, record] of step.touched)
      if (!record || !isWaiting(record)) running.get(key)?.abort.abort();
    for (const note of step.effects) start(note, cause);
    for (const [key, record] of step.touched) committed.set(key, record);
    for (const { key, problem } of step.answers) answer(key, number, problem, step.contexts.get(key));
  }

  /**
   * Effects of one actor never overlap: the previous one is aborted, and the next begins when it has ended.
   */
  function start(note: EffectNote, cause: Cause): void {
    const abort = new AbortController();
    const last = running.get(note.key);
    last?.abort.abort();
    const ended = runAfter(last?.ended, note, abort, cause);
    running.set(note.key, { abort, ended });
  }

  async function runAfter(
    last: Promise<void> | undefined,
    note: EffectNote,
    abort: AbortController,
    cause: Cause,
  ): Promise<void> {
    try {
      await last;
      if (stopped) return;
      const outcome = await effects(note, abort.signal);
      if (running.get(note.key)?.abort === abort) running.delete(note.key);
      if (stopped) return;
      await deliver([{ to: note.key, event: outcome }], cause);
    } catch (error) {
      if (!stopped) fault(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /**
   * A promise for the actor's answer. Its rejection is marked as handled: a caller whose own step fails does
   * not await it.
   */
  function wait(key: string, step: number): Promise<DeliveryResult> {
    const answered = new Promise<DeliveryResult>((resolve, reject) => {
      waiters.set(key, [...(waiters.get(key) ?? []), { step, resolve, reject }]);
    });
    answered.catch(() => {});
    return answered;
  }

  /**
   * Answers only deliveries of this step or an earlier one: the answer of an earlier step may arrive after a
   * later delivery began to wait.
   */
  function answer(
    key: string,
    step: number,
    problem: Problem<Failure> | null,
    context: DeliveryResult['context'],
  ): void {
    const all = waiters.get(key) ?? [];
    const later = all.filter(waiter => waiter.step > step);
    if (later.length > 0) waiters.set(key, later);
    else waiters.delete(key);
    for (const waiter of all)
      if (waiter.step <= step) waiter.resolve({ refused: undefined, problem, context });
  }

  async function durable(written: Promise<void>): Promise<void> {
    try {
      await written;
    } catch {
      end(errorOf('STORE_FAILED'));
      throw errorOf('STORE_FAILED');
    }
  }

  const settled = (): Promise<void> => durable(groupCommit.flushed());

  function end(error: Error): void {
    stopped ??= error;
    for (const { abort } of running.values()) abort.abort();
    // What they wait for is decided and on disk; only its result is not known.
    for (const waiter of [...waiters.values()].flat()) waiter.reject(errorOf('INTERRUPTED'));
    waiters.clear();
  }

  function sweep(): void {
    const present = now();
    for (const [key, deadline] of deadlines) {
      if (deadline > present) continue;
      deadlines.delete(key);
      deliver([{ to: key, event: { type: 'TIMEOUT' } }], { kind: 'timeout' }).catch(error => {
        if (!stopped) fault(error);
      });
    }
  }

  async function stop(): Promise<void> {
    end(errorOf('STOPPING'));
    await Promise.all([...running.values()].map(({ ended }) => ended));
  }

  return { deliver, settled, sweep, waitingSince: waits.longest, waitOf: waits.of, stop };
}

const keyOf = (context: DiskContext | AttachmentContext): string =>
  'uuid' in context ? diskKey(context.uuid) : attachmentKey(context.id);

/** See `Decided`. Prefers an attachment that still exists: it is the one that this request created. */
function decidedBy({ touched, contexts }: Step): Decided {
  const attachments = [...contexts].filter(([key]) => !isDiskKey(key));
  const [subject = '', context] =
    attachments.find(([key]) => touched.get(key)) ?? attachments[0] ?? [...contexts][0] ?? [];
  const about = attachments.length > 0 ? attachments.map(([, one]) => one) : [...contexts.values()];
  const disks = about.map(one => ('uuid' in one ? one.uuid : one.disk));
  return {
    subject,
    disks: [...new Set(disks)],
    target: context && 'target' in context ? context.target : null,
  };
}

/**
 * The refusal for an event without a transition in the present state, or for an actor that does not exist.
 */
function unhandled(key: string | undefined): { code: Refusal } | undefined {
  return key === undefined ? undefined : { code: isDiskKey(key) ? 'DISK_UNKNOWN' : 'ATTACHMENT_UNKNOWN' };
}
