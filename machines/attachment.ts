import type { AttachmentEvent } from './attachment-events.ts';
import { type AttachmentContext, setupAttachment, unborn } from './attachment-parts.ts';
import { diskKey } from './notes.ts';
import { answerDone, answerProblem, refusal, shared } from './shared.ts';

type Of<Type extends AttachmentEvent['type']> = { event: AttachmentEvent & { type: Type } };

const inProgress = refusal('ATTACH_IN_PROGRESS');

const answerRefused = shared({
  type: 'answer',
  params: ({ event }: Of<'PLUG_REFUSED'>) => ({ problem: event.problem }),
});
const answerUnknown = shared({
  type: 'answer',
  params: ({ event }: Of<'PLUG_UNKNOWN'>) => ({ problem: event.problem }),
});
const answerKept = shared({
  type: 'answer',
  params: ({ event }: Of<'KEPT'>) => ({ problem: event.problem }),
});
const answerUnplugFailed = shared({
  type: 'answer',
  params: ({ event }: Of<'UNPLUG_FAILED'>) => ({ problem: event.problem }),
});

/** Gives the place among the disk's users back, in the same step. */
const giveBack = shared({
  type: 'tell',
  params: ({ context }: { context: AttachmentContext }) => ({
    to: diskKey(context.disk),
    event: { type: 'RELEASED' as const, attachment: context.id },
  }),
});

const tellMoved = shared({
  type: 'tell',
  params: ({ context, event }: { context: AttachmentContext } & Of<'MOVED'>) => ({
    to: diskKey(context.disk),
    event: { type: 'MOVED' as const, attachment: context.id, vm: event.vm },
  }),
});

const detached = shared({ type: 'publish', params: { type: 'disk.detached' } });
const attached = shared({ type: 'publish', params: { type: 'disk.attached' } });

/** The disk is off the machine, and whoever waits is told so. */
const off = shared({ target: 'released', actions: [giveBack, detached, answerDone] });

const refuseForDoubt = shared({
  type: 'refuse',
  params: ({ event }: Of<'DETACH'>) => ({ code: 'VM_FATE_UNKNOWN' as const, detail: event.doubt ?? '' }),
});

/** A detach call for a machine with hot-plugged disks: only knowledge releases them, never silence. */
const detachHot = shared([
  { guard: 'machineHoldsDisks', ...refusal('VM_RUNNING') },
  { guard: 'machineUnknown', actions: refuseForDoubt },
  off,
]);

/**
 * One disk on one machine. A hot-plugged one waits for the node and the guest (`attaching`, `detaching`), each time until an
 * absolute deadline in the context; RESUME re-enters those states after a restart, and only then. What is not known to be off the
 * machine stays accounted for. A machine that is away, saved to a file or migrated to where nobody has found it, is not dead, whatever
 * its old node says: it comes back with its disks (MOVED, also to the same node).
 * `unclaimed`: the machine died and the disk is free, and a detach call may still come for it.
 *
 * DEVICE_GONE (seen in the live domain of the same UUID) is not heard in `attaching`, where the device may be just coming: the
 * plug confirms by itself.
 */
export const attachmentMachine = setupAttachment.createMachine({
  id: 'attachment',
  context: unborn,
  initial: 'new',
  states: {
    new: {
      on: {
        HOTATTACH: { target: 'attaching', actions: 'beBornHot' },
        ATTACH: { target: 'attached', actions: ['beBornCold', attached] },
      },
    },
    attaching: {
      tags: 'held',
      entry: ['beginPlugging', 'plug'],
      on: {
        HOTDETACH: inProgress,
        DETACH: inProgress,
        PLUGGED: { guard: 'current', target: 'hot-attached', actions: [attached, answerDone] },
        PLUG_REFUSED: { guard: 'current', target: 'released', actions: [giveBack, answerRefused] },
        PLUG_UNKNOWN: { guard: 'current', target: 'detaching', actions: ['takeBack', answerUnknown] },
        TIMEOUT: { target: 'detaching', actions: ['takeBack', answerProblem('PLUG_UNKNOWN')] },
        MACHINE_DEAD: {
          guard: 'notAway',
          target: 'released',
          actions: [giveBack, answerProblem('VM_STOPPED')],
        },
        MACHINE_AWAY: { actions: 'leave' },
        RESUME: { target: 'attaching', reenter: true },
      },
    },
    attached: {
      tags: ['rest', 'held'],
      on: {
        HOTDETACH: refusal('NOT_HOT_PLUGGED'),
        PROMISE: [
          { guard: 'targetTaken', ...refusal('TARGET_TAKEN') },
          { guard: 'noFreeTarget', ...refusal('NO_FREE_TARGET') },
          { actions: 'promise' },
        ],
        DETACH: [{ guard: 'machineHoldsDisks', ...refusal('VM_RUNNING') }, off],
      },
    },
    'hot-attached': {
      tags: ['rest', 'held'],
      entry: 'rest',
      on: {
        HOTDETACH: { target: 'detaching' },
        DETACH: detachHot,
        PROMISE: refusal('HOT_PLUGGED'),
        DEVICE_GONE: { target: 'released', actions: [giveBack, detached] },
        UNPLUGGED: { guard: 'current', target: 'released', actions: [giveBack, detached] },
        MACHINE_DEAD: { guard: 'notAway', target: 'unclaimed', actions: [giveBack, detached] },
        MACHINE_AWAY: { actions: 'leave' },
        MOVED: { actions: ['move', tellMoved] },
      },
    },
    detaching: {
      tags: 'held',
      entry: ['beginUnplugging', 'unplug'],
      on: {
        HOTDETACH: { actions: 'agree' },
        DETACH: [{ guard: 'mayStillCome', ...inProgress }, ...detachHot],
        PROMISE: refusal('HOT_PLUGGED'),
        UNPLUGGED: [
          { guard: 'currentUndo', target: 'released', actions: [giveBack, answerDone] },
          { guard: 'current', ...off },
        ],
        KEPT: [
          { guard: 'currentUndo', target: 'hot-attached', actions: [attached, answerKept] },
          { guard: 'current', target: 'hot-attached', actions: answerKept },
        ],
        UNPLUG_FAILED: [
          { guard: 'currentUndo', actions: answerUnplugFailed },
          { guard: 'current', target: 'hot-attached', actions: answerUnplugFailed },
        ],
        DEVICE_GONE: { guard: 'notUndoing', ...off },
        MACHINE_DEAD: { guard: 'notAway', ...off },
        MACHINE_AWAY: { actions: 'leave' },
        MOVED: { actions: ['move', tellMoved] },
        TIMEOUT: [
          { guard: 'undoing', target: 'detaching', reenter: true, actions: answerProblem('UNPLUG_UNKNOWN') },
          { target: 'hot-attached', actions: answerProblem('UNPLUG_UNKNOWN') },
        ],
        RESUME: { target: 'detaching', reenter: true },
      },
    },
    unclaimed: {
      tags: 'rest',
      entry: 'awaitClaim',
      on: {
        HOTDETACH: { target: 'released', actions: answerDone },
        DETACH: { target: 'released', actions: answerDone },
        FORGET: { target: 'released' },
        TIMEOUT: { target: 'released' },
      },
    },
    released: { type: 'final', tags: 'rest' },
  },
});
