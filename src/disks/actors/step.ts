import { createActor, type InspectionEvent } from 'xstate';
import { attachmentMachine } from '../../../machines/attachment.ts';
import type { AttachmentContext } from '../../../machines/attachment-parts.ts';
import { diskMachine } from '../../../machines/disk.ts';
import type { DiskContext } from '../../../machines/disk-parts.ts';
import type { AttachmentEffect, DiskEffect } from '../../../machines/effects.ts';
import type { Answer, Publish, Refuse, Tell } from '../../../machines/notes.ts';
import type { Stamp } from '../../../machines/stamp.ts';
import { kinds } from '../../store/records.ts';
import {
  isDiskKey,
  type Message,
  type StoredAttachment,
  type StoredDisk,
  type StoredRecord,
} from '../records/records.ts';

/** An effect that a chart asks for, with the context at the moment of the decision. */
export type EffectNote =
  | { readonly key: string; readonly name: DiskEffect; readonly context: DiskContext }
  | { readonly key: string; readonly name: AttachmentEffect; readonly context: AttachmentContext };

/** A message to the actor with this key. */
export interface Delivery {
  readonly to: string;
  readonly event: Message;
}

/** Everything that one event decides, over all actors that it reaches. */
export interface Step {
  readonly effects: EffectNote[];
  readonly answers: ({ readonly key: string } & Answer)[];
  readonly published: ({ readonly key: string } & Publish)[];
  /** The new record of each actor that changed, undefined for one that reached its final state. */
  readonly touched: Map<string, StoredRecord | undefined>;
  /** The context of each actor that changed, also of one that reached its final state. */
  readonly contexts: Map<string, DiskContext | AttachmentContext>;
  /** The chart's refusal; if it is set, nothing has changed. */
  refused: Refuse | undefined;
  /**
   * Key of an actor that does not exist or whose present state has no transition for its event; if it is set,
   * nothing has changed.
   */
  unhandled: string | undefined;
}

/** XState's inspector: called with everything that actors do. */
export type Inspect = (event: InspectionEvent) => void;

/** How many resting actors stay in memory when they are inspected. */
const WATCHED = 1000;

interface Woken {
  send(event: Message & Stamp): void;
  state(): string;
  context(): DiskContext | AttachmentContext;
  hears(event: Message & Stamp): boolean;
  resting(): boolean;
  ended(): boolean;
  error(): unknown;
}

/**
 * Decides, synchronously and in memory only: delivers messages to their actors, and the messages that these
 * send to other actors, until the queue of deliveries is empty. A chart's effects and answers are notes in
 * the step; nothing outside is touched. An actor is started from its record, and stays in memory while its
 * chart waits, or while actors are inspected. A step that is refused or throws has changed nothing: the
 * actors that it started are dropped, and the records stay.
 */
export function createDecider(
  recordOf: (key: string) => StoredRecord | undefined,
  inspect: Inspect | undefined,
) {
  const awake = new Map<string, Woken>();
  let open: (Step & { readonly queue: Delivery[] }) | undefined;

  function notes(): Step & { readonly queue: Delivery[] } {
    if (!open) throw new Error('a chart acted outside of a step');
    return open;
  }

  const common = {
    refuse: (_: unknown, note: Refuse) => {
      notes().refused ??= note;
    },
    answer: ({ self }: { self: { id: string } }, note: Answer) => {
      notes().answers.push({ key: self.id, ...note });
    },
    publish: ({ self }: { self: { id: string } }, note: Publish) => {
      notes().published.push({ key: self.id, ...note });
    },
    tell: (_: unknown, note: Tell<Message>) => {
      notes().queue.push(note);
    },
  };
  const noteDisk =
    (name: DiskEffect) =>
    ({ self, context }: { self: { id: string }; context: DiskContext }): void => {
      notes().effects.push({ key: self.id, name, context });
    };
  const noteAttachment =
    (name: AttachmentEffect) =>
    ({ self, context }: { self: { id: string }; context: AttachmentContext }): void => {
      notes().effects.push({ key: self.id, name, context });
    };
  const disk = diskMachine.provide({
    actions: {
      ...common,
      createVolume: noteDisk('createVolume'),
      resizeVolume: noteDisk('resizeVolume'),
      wipeVolume: noteDisk('wipeVolume'),
      deleteVolume: noteDisk('deleteVolume'),
    },
  });
  const attachment = attachmentMachine.provide({
    actions: { ...common, plug: noteAttachment('plug'), unplug: noteAttachment('unplug') },
  });

  const watched = inspect ? { inspect } : {};
  // All new actors share one initial snapshot: computing it each time took a tenth of a creation's time.
  const initial = {
    disk: createActor(disk).getSnapshot(),
    attachment: createActor(attachment).getSnapshot(),
  };

  function wake(key: string): Woken {
    const record = recordOf(key);
    if (isDiskKey(key)) {
      const stored = record as StoredDisk | undefined;
      const snapshot = stored
        ? disk.resolveState({ value: stored.state, context: stored.context })
        : initial.disk;
      return started(createActor(disk, { id: key, ...watched, snapshot }));
    }
    const stored = record as StoredAttachment | undefined;
    const snapshot = stored
      ? attachment.resolveState({ value: stored.state, context: stored.context })
      : initial.attachment;
    return started(createActor(attachment, { id: key, ...watched, snapshot }));
  }

  function receive({ to, event }: Delivery, stamp: Stamp, step: Step): void {
    const actor = awake.get(to) ?? wake(to);
    awake.set(to, actor);
    const before = { state: actor.state(), context: actor.context() };
    const stamped = Object.assign({}, event, stamp);
    const heard = actor.hears(stamped);
    if (!heard) {
      step.unhandled ??= to;
      return;
    }
    actor.send(stamped);
    const error = actor.error();
    if (error) throw error;
    const state = actor.state();
    const context = actor.context();
    if (state === before.state && context === before.context) return;
    step.contexts.set(to, context);
    const { version: v } = isDiskKey(to) ? kinds.disk : kinds.attachment;
    step.touched.set(to, actor.ended() ? undefined : ({ v, state, context } as StoredRecord));
  }

  /** Drops actors from memory: those at rest, and all actors of a step that has changed nothing. */
  function dismiss(queue: readonly Delivery[], whole: boolean): void {
    for (const { to } of queue) {
      const actor = awake.get(to);
      if (!whole || actor?.ended() || (!inspect && actor?.resting())) awake.delete(to);
    }
    if (!inspect) return;
    for (const [key, actor] of awake) {
      if (awake.size <= WATCHED) return;
      if (actor.resting()) awake.delete(key);
    }
  }

  function decide(deliveries: readonly Delivery[], stamp: Stamp): Step {
    const queue = [...deliveries];
    const step = {
      queue,
      effects: [],
      answers: [],
      published: [],
      touched: new Map(),
      contexts: new Map(),
      refused: undefined,
      unhandled: undefined,
    };
    open = step;
    let whole = false;
    try {
      for (const delivery of queue) receive(delivery, stamp, step);
      whole = step.refused === undefined && step.unhandled === undefined;
    } finally {
      open = undefined;
      dismiss(queue, whole);
    }
    return step;
  }

  return { decide };
}

/**
 * What the actors of both charts have in common. Each accepts only its own messages, so their type is `never`
 * here.
 */
interface AnyActor {
  subscribe(observer: { error(error: unknown): void }): unknown;
  start(): unknown;
  send(event: never): void;
  getSnapshot(): {
    readonly value: string;
    readonly context: DiskContext | AttachmentContext;
    readonly status: string;
    readonly error: unknown;
    hasTag(tag: 'rest'): boolean;
    can(event: never): boolean;
  };
}

/**
 * Starts an actor. A resolved state runs no entry actions. Without an error observer XState would rethrow
 * errors in a timer, which ends the process.
 */
function started(actor: AnyActor): Woken {
  actor.subscribe({ error: () => {} });
  actor.start();
  return {
    send: event => actor.send(event as never),
    state: () => actor.getSnapshot().value,
    context: () => actor.getSnapshot().context,
    hears: event => actor.getSnapshot().can(event as never),
    resting: () => actor.getSnapshot().hasTag('rest') || actor.getSnapshot().value === 'new',
    ended: () => actor.getSnapshot().status === 'done',
    error: () => actor.getSnapshot().error,
  };
}
