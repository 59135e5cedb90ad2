import { assertEvent, assign, setup } from 'xstate';
import type { AttachmentMessage } from './attachment-events.ts';
import type { DiskBirth, DiskEvent } from './disk-events.ts';
import type { Answer, Publish, Refuse, Tell } from './notes.ts';
import type { Failure, Problem } from './reasons.ts';
import { firstFreeTarget } from './targets.ts';
import { sameVm, type Vm } from './vm.ts';

/** One machine that uses the disk, from the moment it is reserved. */
export interface DiskUser {
  /** Attachment id. */
  readonly attachment: string;
  readonly vm: Vm;
  readonly mode: 'hot' | 'cold';
}

export interface DiskContext extends DiskBirth {
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly users: readonly DiskUser[];
  /** Numbers what is asked of the pool; what an older attempt brings back is not heard. */
  readonly attempt: number;
  /** Until when the pool is waited for, in milliseconds since 1970; null at rest. */
  readonly deadline: number | null;
  /** Why a creation is being undone, or could not be. */
  readonly undo: Problem<Failure> | null;
}

export const unborn: DiskContext = {
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
};

const userOn = (context: DiskContext, vm: Vm): DiskUser | undefined =>
  context.users.find(user => sameVm(user.vm, vm));

const others = (context: DiskContext, attachment: string): readonly DiskUser[] =>
  context.users.filter(user => user.attachment !== attachment);

/** The disk chart's vocabulary: effects and notes are left open, what changes the context and every rule is here. */
export const setupDisk = setup({
  types: { context: {} as DiskContext, events: {} as DiskEvent, tags: {} as 'rest' | 'known' },
  actions: {
    makeVolume: () => {},
    removeVolume: () => {},
    /** It is so already. */
    agree: () => {},
    refuse: (_, _note: Refuse) => {},
    answer: (_, _note: Answer) => {},
    publish: (_, _note: Publish) => {},
    tell: (_, _note: Tell<AttachmentMessage>) => {},
    beBorn: assign(({ event }) => {
      assertEvent(event, 'CREATE');
      const { uuid, owner, tag, visibility, sizeGiB, limit, now } = event;
      return { uuid, owner, tag, visibility, sizeGiB, limit, created: now };
    }),
    beginMaking: assign(({ context, event }) => ({
      attempt: context.attempt + 1,
      deadline: event.now + event.patience.creating,
      undo: null,
    })),
    beginRemoving: assign(({ context, event }) => ({
      attempt: context.attempt + 1,
      deadline: event.now + event.patience.deleting,
    })),
    rest: assign({ deadline: null }),
    undoForFailure: assign(({ event }) => {
      assertEvent(event, 'VOLUME_FAILED');
      return { undo: event.problem };
    }),
    undoForTimeout: assign({ undo: { code: 'CREATE_TIMEOUT', detail: '' } }),
    pardon: assign({ undo: null }),
    addHotUser: assign(({ context, event }) => {
      assertEvent(event, 'HOTATTACH');
      return { users: [...context.users, { attachment: event.id, vm: event.vm, mode: 'hot' }] };
    }),
    addColdUser: assign(({ context, event }) => {
      assertEvent(event, 'ATTACH');
      return { users: [...context.users, { attachment: event.id, vm: event.vm, mode: 'cold' }] };
    }),
    setLimit: assign(({ event }) => {
      assertEvent(event, 'SET_LIMIT');
      return { limit: event.limit };
    }),
    removeUser: assign(({ context, event }) => {
      assertEvent(event, 'RELEASED');
      return { users: others(context, event.attachment) };
    }),
    moveUser: assign(({ context, event }) => {
      assertEvent(event, 'MOVED');
      const move = (user: DiskUser): DiskUser =>
        user.attachment === event.attachment ? { ...user, vm: event.vm } : user;
      return { users: context.users.map(move) };
    }),
  },
  guards: {
    overQuota: ({ event }) => {
      assertEvent(event, 'CREATE');
      return event.quotaLeft.disks < 1 || event.quotaLeft.sizeGiB < event.sizeGiB;
    },
    noRoom: ({ event }) => {
      assertEvent(event, 'CREATE');
      return event.sizeGiB > event.roomGiB;
    },
    current: ({ context, event }) => 'attempt' in event && event.attempt === context.attempt,
    currentUndo: ({ context, event }) =>
      'attempt' in event && event.attempt === context.attempt && context.undo !== null,
    undoing: ({ context }) => context.undo !== null,
    usedByThisVm: ({ context, event }) => {
      assertEvent(event, 'HOTATTACH');
      return userOn(context, event.vm) !== undefined;
    },
    limitReached: ({ context }) => context.users.length >= context.limit,
    noFreeTarget: ({ event }) => {
      assertEvent(event, 'HOTATTACH');
      return firstFreeTarget(event.taken) === null;
    },
    hotOnThisVm: ({ context, event }) => {
      assertEvent(event, 'ATTACH');
      return userOn(context, event.vm)?.mode === 'hot';
    },
    coldOnThisVm: ({ context, event }) => {
      assertEvent(event, 'ATTACH');
      return userOn(context, event.vm)?.mode === 'cold';
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
