import { assertEvent, assign, setup } from 'xstate';
import type { AttachmentBirth, AttachmentEvent } from './attachment-events.ts';
import type { DiskMessage } from './disk-events.ts';
import type { Answer, Publish, Refuse, Tell } from './notes.ts';
import { firstFreeTarget } from './targets.ts';

export interface AttachmentContext extends AttachmentBirth {
  readonly mode: 'hot' | 'cold';
  /** libvirt's name for the device: reserved for a hot one, promised for a cold one, null while nothing is promised. */
  readonly target: string | null;
  /** Whether the disk's limit is above 1, so that QEMU must not lock the volume for one machine. */
  readonly shareable: boolean;
  /** When it was made, in milliseconds since 1970. */
  readonly since: number;
  /** Numbers what is asked of the node; what an older attempt brings back is not heard. */
  readonly attempt: number;
  /** Until when somebody is waited for, in milliseconds since 1970; null when nobody is. */
  readonly deadline: number | null;
  /** A plug whose outcome is not known is being taken back; its caller has been told so. */
  readonly undo: boolean;
  /** The machine has left its node, saved to a file or by migration, and nobody has found it yet. */
  readonly away: boolean;
}

export const unborn: AttachmentContext = {
  id: '',
  disk: '',
  node: '',
  vmId: '',
  vm: { host: '', node: '', names: [], domain: null },
  by: '',
  mode: 'hot',
  target: null,
  shareable: false,
  since: 0,
  attempt: 0,
  deadline: null,
  undo: false,
  away: false,
};

/** The attachment chart's vocabulary: effects and notes are left open, what changes the context and every rule is here. */
export const setupAttachment = setup({
  types: { context: {} as AttachmentContext, events: {} as AttachmentEvent, tags: {} as 'rest' | 'held' },
  actions: {
    plug: () => {},
    unplug: () => {},
    /** It is so already. */
    agree: () => {},
    refuse: (_, _note: Refuse) => {},
    answer: (_, _note: Answer) => {},
    publish: (_, _note: Publish) => {},
    tell: (_, _note: Tell<DiskMessage>) => {},
    beBornHot: assign(({ event }) => {
      assertEvent(event, 'HOTATTACH');
      const { id, disk, node, vmId, vm, by, byId, target, shareable, time } = event;
      return { id, disk, node, vmId, vm, by, byId, target, shareable, mode: 'hot', since: time };
    }),
    beBornCold: assign(({ event }) => {
      assertEvent(event, 'ATTACH');
      const { id, disk, node, vmId, vm, by, byId, shareable, time } = event;
      return { id, disk, node, vmId, vm, by, byId, shareable, mode: 'cold', since: time };
    }),
    beginPlugging: assign(({ context, event }) => ({
      attempt: context.attempt + 1,
      deadline: event.now + event.patience.attaching,
    })),
    beginUnplugging: assign(({ context, event }) => ({
      attempt: context.attempt + 1,
      deadline: event.now + event.patience.detaching,
    })),
    awaitClaim: assign(({ event }) => ({ deadline: event.now + event.patience.claiming })),
    rest: assign({ deadline: null, undo: false }),
    takeBack: assign({ undo: true }),
    promise: assign(({ context, event }) => {
      assertEvent(event, 'PROMISE');
      return { target: event.target ?? context.target ?? firstFreeTarget(event.taken, 'b') };
    }),
    leave: assign({ away: true }),
    move: assign(({ event }) => {
      assertEvent(event, 'MOVED');
      return { vm: event.vm, away: false };
    }),
  },
  guards: {
    current: ({ context, event }) => 'attempt' in event && event.attempt === context.attempt,
    currentUndo: ({ context, event }) =>
      'attempt' in event && event.attempt === context.attempt && context.undo,
    undoing: ({ context }) => context.undo,
    notUndoing: ({ context }) => !context.undo,
    mayStillCome: ({ context, event }) => {
      assertEvent(event, 'DETACH');
      return context.undo && event.machine === 'running';
    },
    notAway: ({ context }) => !context.away,
    machineHoldsDisks: ({ event }) => {
      assertEvent(event, 'DETACH');
      return event.held.length > 0;
    },
    machineUnknown: ({ event }) => {
      assertEvent(event, 'DETACH');
      return event.machine === 'unknown';
    },
    targetTaken: ({ event }) => {
      assertEvent(event, 'PROMISE');
      return event.target !== null && event.taken.includes(event.target);
    },
    noFreeTarget: ({ context, event }) => {
      assertEvent(event, 'PROMISE');
      return (event.target ?? context.target ?? firstFreeTarget(event.taken, 'b')) === null;
    },
  },
});
