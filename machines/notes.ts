import type { Failure, Problem, Refusal } from './reasons.ts';

/** The types of change in the event log. This list is closed: clients filter by it. */
export type ChangeType =
  | 'disk.created'
  | 'disk.adopted'
  | 'disk.discarded'
  | 'disk.deleted'
  | 'disk.failed'
  | 'disk.create-failed'
  | 'disk.attached'
  | 'disk.attach-failed'
  | 'disk.detached'
  | 'disk.diverted'
  | 'disk.machine-lost'
  | 'disk.detach-failed'
  | 'disk.oversubscribed'
  | 'disk.limit-changed'
  | 'disk.resized'
  | 'disk.resize-failed'
  | 'disk.wiping'
  | 'disk.wiped'
  | 'disk.state-changed'
  | 'disk.updated';

/**
 * Notes of a chart for the shell (`src/disks/actors`). Their actions run inside `actor.send()` and only
 * record the note.
 */
export interface Refuse {
  readonly code: Refusal;
  readonly detail?: string;
}

/** The note that answers the deliveries that wait for this actor. */
export interface Answer {
  /** What went wrong; null: the request is done. */
  readonly problem: Problem<Failure> | null;
}

/** The note that writes a change to the event log. */
export interface Publish {
  readonly type: ChangeType;
  /** What went wrong, if anything. */
  readonly problem?: Problem<Refusal | Failure> | null;
}

/** The note that sends an event to another actor, in the same step. */
export interface Tell<Event> {
  /** Key of the other actor. */
  readonly to: string;
  readonly event: Event;
}

/** The key of a disk's actor and record. */
export const diskKey = (uuid: string) => `disk/${uuid}` as const;
/** The key of an attachment's actor and record. */
export const attachmentKey = (id: string) => `attachment/${id}` as const;
