import { and, assertEvent, assign, setup } from 'xstate';
import type { AttachmentMessage } from './attachment-events.ts';
import { diskBirth } from './births.ts';
import type { DiskBirth, DiskEvent } from './disk-events.ts';
import type { Answer, Publish, Refuse, Tell } from './notes.ts';
import type { Failure, Problem } from './reasons.ts';
import { firstFreeTarget } from './targets.ts';

/** A user of the disk: one VM, counted from the moment of its reservation. */
export interface DiskUser {
  /** Attachment id; the attachment knows the VM. */
  readonly attachment: string;
  readonly mode: 'hot' | 'cold';
}

/** The data of a disk beside its state; stored in its record. */
export interface DiskContext extends DiskBirth {
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly users: readonly DiskUser[];
  /** Number of the latest request to the pool. Results that carry an older number are ignored. */
  readonly attempt: number;
  /** Deadline of the present wait, in milliseconds since 1970; null: the chart waits for nothing. */
  readonly deadline: number | null;
  /** Why the creation is being undone, or could not be undone; null: it is not. */
  readonly undo: Problem<Failure> | null;
  /** Size in GiB before the resize in progress, else null; `sizeGiB` is already the new size. */
  readonly grownFrom: number | null;
  /** Number of consecutive failed requests to the pool or a node. */
  readonly failures: number;
  /**
   * Whether the request that created the disk has an Idempotency-Key, so that a repetition learns the result.
   */
  readonly repeatable: boolean;
  /** Bytes of the volume that are wiped, and bytes in all; null for a disk that is not deleted. */
  readonly wiped: { readonly bytes: number; readonly of: number } | null;
}

/** The context before the first event. */
export const initialDisk: DiskContext = {
  uuid: '',
  owner: '',
  tag: '',
  visibility: 'private',
  sizeGiB: 0,
  limit: 1,
  created: 0,
  users: [],
  attempt: 0,
  deadline: null,
  undo: null,
  grownFrom: null,
  failures: 0,
  repeatable: false,
  wiped: null,
};

const userAmong = (context: DiskContext, attachments: readonly string[]): DiskUser | undefined =>
  context.users.find(user => attachments.includes(user.attachment));

const others = (context: DiskContext, attachment: string): readonly DiskUser[] =>
  context.users.filter(user => user.attachment !== attachment);

type Args = { readonly context: DiskContext; readonly event: DiskEvent };

const isCurrent = ({ context, event }: Args): boolean =>
  'attempt' in event && event.attempt === context.attempt;
const isFirst = ({ context }: Args): boolean => context.attempt === 1;
const isUndoing = ({ context }: Args): boolean => context.undo !== null;
const isUsed = ({ context }: Args): boolean => context.users.length > 0;
const isUsedHot = ({ context }: Args): boolean => context.users.some(user => user.mode === 'hot');
const isWiped = ({ context }: Args): boolean => context.wiped !== null;
const isWhole = ({ event }: Args): boolean => event.type === 'WIPED' && event.bytes >= event.of;

const GIB = 2 ** 30;
/**
 * Exponential backoff of retries, in milliseconds: the first delay, doubled after each further failure in a
 * row, and the longest delay.
 */
const FIRST_RETRY_MS = 10_000;
const MAX_RETRY_MS = 600_000;

const later = (failures: number): number => Math.min(FIRST_RETRY_MS * 2 ** failures, MAX_RETRY_MS);

/**
 * The context, actions and guards of the disk chart. Effects and notes are empty here, and the shell provides
 * them; every change of the context and every rule is here.
 */
export const setupDisk = setup({
  types: {
    context: {} as DiskContext,
    events: {} as DiskEvent,
    tags: {} as 'rest' | 'known' | 'gone' | 'retried' | 'timed',
  },
  actions: {
    createVolume: () => {},
    deleteVolume: () => {},
    resizeVolume: () => {},
    wipeVolume: () => {},
    /** No-op: the requested state already holds. */
    noop: () => {},
    refuse: (_, _note: Refuse) => {},
    answer: (_, _note: Answer) => {},
    publish: (_, _note: Publish) => {},
    tell: (_, _note: Tell<AttachmentMessage>) => {},
    initDisk: assign(({ event }) => {
      assertEvent(event, 'CREATE');
      return { ...diskBirth(event), repeatable: event.repeatable === true, created: event.time };
    }),
    beginAnew: assign(({ event }) => {
      assertEvent(event, 'RETRY');
      return { repeatable: event.repeatable === true, failures: 0 };
    }),
    initAdopted: assign(({ event }) => {
      assertEvent(event, 'ADOPT');
      return { ...diskBirth(event), created: event.created };
    }),
    initDiscarded: assign(({ event }) => {
      assertEvent(event, 'DISCARD');
      return { uuid: event.uuid, sizeGiB: event.sizeGiB, created: event.time };
    }),
    beginCreating: assign(({ context, event }) => ({
      attempt: context.attempt + 1,
      deadline: event.now + event.timeouts.creating,
      undo: null,
    })),
    beginDeleting: assign(({ context, event }) => ({
      attempt: context.attempt + 1,
      deadline: event.now + event.timeouts.deleting,
    })),
    reserveSize: assign(({ context, event }) => {
      assertEvent(event, 'RESIZE');
      return { sizeGiB: event.sizeGiB, grownFrom: context.sizeGiB, failures: 0 };
    }),
    beginResizing: assign(({ context, event }) => ({
      attempt: context.attempt + 1,
      deadline: event.now + event.timeouts.growing,
    })),
    restoreSize: assign(({ context }) => ({ sizeGiB: context.grownFrom ?? context.sizeGiB })),
    beginWiping: assign(({ context, event }) => ({
      attempt: context.attempt + 1,
      deadline: event.now + event.timeouts.wiping,
      wiped: context.wiped ?? { bytes: 0, of: context.sizeGiB * GIB },
    })),
    noteWiped: assign(({ event }) => {
      assertEvent(event, 'WIPED');
      return { wiped: { bytes: event.bytes, of: event.of }, failures: 0 };
    }),
    tryAgainLater: assign(({ context, event }) => ({
      deadline: event.now + later(context.failures),
      failures: context.failures + 1,
    })),
    noteDelay: assign(({ context }) => ({ failures: Math.max(context.failures, 1) })),
    clearDeadline: assign({ deadline: null }),
    endResize: assign({ deadline: null, grownFrom: null, failures: 0 }),
    undoForFailure: assign(({ event }) => {
      assertEvent(event, ['VOLUME_FAILED', 'NOT_BEGUN']);
      return { undo: event.problem };
    }),
    undoForTimeout: assign({ undo: { code: 'CREATE_TIMEOUT', detail: '' } }),
    undoForRestart: assign({ undo: { code: 'CREATE_INTERRUPTED', detail: '' } }),
    clearFailure: assign({ undo: null, failures: 0 }),
    addHotUser: assign(({ context, event }) => {
      assertEvent(event, ['HOTATTACH', 'ADOPT_USER']);
      return { users: [...context.users, { attachment: event.id, mode: 'hot' }] };
    }),
    addColdUser: assign(({ context, event }) => {
      assertEvent(event, 'ATTACH');
      return { users: [...context.users, { attachment: event.id, mode: 'cold' }] };
    }),
    setLimit: assign(({ event }) => {
      assertEvent(event, 'SET_LIMIT');
      return { limit: event.limit };
    }),
    edit: assign(({ context, event }) => {
      assertEvent(event, 'EDIT');
      const { tag = context.tag, visibility = context.visibility } = event;
      return { tag, visibility };
    }),
    removeUser: assign(({ context, event }) => {
      assertEvent(event, 'RELEASED');
      return { users: others(context, event.attachment) };
    }),
  },
  guards: {
    overQuota: ({ event }) => {
      assertEvent(event, 'CREATE');
      return event.quotaLeft.disks < 1 || event.quotaLeft.sizeGiB < event.sizeGiB;
    },
    stale: ({ event }) => {
      assertEvent(event, ['EDIT', 'DELETE']);
      return event.stale === true;
    },
    nothingNew: ({ context, event }) => {
      assertEvent(event, 'EDIT');
      const { tag = context.tag, visibility = context.visibility } = event;
      return tag === context.tag && visibility === context.visibility;
    },
    notLarger: ({ context, event }) => {
      assertEvent(event, 'RESIZE');
      return event.sizeGiB <= context.sizeGiB;
    },
    beingAttached: ({ event }) => {
      assertEvent(event, 'RESIZE');
      return event.attaching;
    },
    resizeExceedsQuota: ({ context, event }) => {
      assertEvent(event, 'RESIZE');
      return event.sizeGiB - context.sizeGiB > event.quotaGiB;
    },
    resizeExceedsRoom: ({ context, event }) => {
      assertEvent(event, 'RESIZE');
      return event.sizeGiB - context.sizeGiB > event.roomGiB;
    },
    currentHot: and([isCurrent, isUsedHot]),
    currentUsed: and([isCurrent, isUsed]),
    obstructed: ({ event }) => {
      assertEvent(event, ['ADOPT', 'DISCARD']);
      return event.obstacle !== null;
    },
    held: ({ event }) => {
      assertEvent(event, 'DISCARD');
      return event.holders.length > 0;
    },
    nodeUnseen: ({ event }) => {
      assertEvent(event, 'DISCARD');
      return event.unseen.length > 0;
    },
    mustWipe: ({ event }) => {
      assertEvent(event, ['DELETE', 'DISCARD']);
      return event.wipe;
    },
    currentWhole: and([isCurrent, isWhole]),
    currentWiped: and([isCurrent, isWiped]),
    noRoom: ({ event }) => {
      assertEvent(event, 'CREATE');
      return event.sizeGiB > event.roomGiB;
    },
    current: isCurrent,
    /** The result of the first attempt: no earlier attempt can have left anything to undo. */
    currentFirst: and([isCurrent, isFirst]),
    currentUndo: and([isCurrent, isUndoing]),
    undoing: isUndoing,
    repeatable: ({ context }) => context.repeatable,
    neverFailed: ({ context }) => context.failures === 0,
    used: isUsed,
    usedByThisVm: ({ context, event }) => {
      assertEvent(event, ['HOTATTACH', 'ADOPT_USER']);
      return userAmong(context, event.attachments) !== undefined;
    },
    isThere: ({ event }) => {
      assertEvent(event, 'HOTATTACH');
      return event.isThere;
    },
    nodeIsDead: ({ event }) => {
      assertEvent(event, 'HOTATTACH');
      return event.nodeIsDead;
    },
    heldByVm: ({ event }) => {
      assertEvent(event, ['HOTATTACH', 'DELETE']);
      return event.holder !== null;
    },
    limitReached: ({ context }) => context.users.length >= context.limit,
    noFreeTarget: ({ event }) => {
      assertEvent(event, 'HOTATTACH');
      return firstFreeTarget(event.taken) === null;
    },
    hotOnThisVm: ({ context, event }) => {
      assertEvent(event, 'ATTACH');
      return userAmong(context, event.attachments)?.mode === 'hot';
    },
    coldOnThisVm: ({ context, event }) => {
      assertEvent(event, 'ATTACH');
      return userAmong(context, event.attachments)?.mode === 'cold';
    },
    tooManyUsers: ({ context, event }) => {
      assertEvent(event, 'ATTACH');
      const { mostUsers = Number.POSITIVE_INFINITY } = event;
      return context.users.length >= Math.max(context.limit, mostUsers);
    },
    tooManyOnVm: ({ event }) => {
      assertEvent(event, 'ATTACH');
      return event.disksLeft !== undefined && event.disksLeft < 1;
    },
    lastUser: ({ context, event }) => {
      assertEvent(event, 'RELEASED');
      return others(context, event.attachment).length === 0;
    },
    lastHotUser: ({ context, event }) => {
      assertEvent(event, 'RELEASED');
      return !others(context, event.attachment).some(user => user.mode === 'hot');
    },
  },
});
