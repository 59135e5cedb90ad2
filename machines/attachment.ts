import type { AttachmentEvent, DetachFacts } from './attachment-events.ts';
import { type AttachmentContext, initialAttachment, setupAttachment } from './attachment-parts.ts';
import { diskKey } from './notes.ts';
import type { Failure } from './reasons.ts';
import { answerDone, answerProblem, refusal, shared } from './shared.ts';
import { doubtOf } from './vm-location.ts';

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
const answerNotRunning = shared({
  type: 'answer',
  params: ({ context, event }: { context: AttachmentContext } & Of<'NOT_RUNNING'>) => ({
    problem: { code: 'UNPLUG_UNKNOWN' as const, detail: doubtOf(context, event) },
  }),
});

/** Release the user slot of the disk, in the same step. */
const giveBack = shared({
  type: 'tell',
  params: ({ context }: { context: AttachmentContext }) => ({
    to: diskKey(context.disk),
    event: { type: 'RELEASED' as const, attachment: context.id },
  }),
});

const tellMoved = shared({
  type: 'tell',
  params: ({ context }: { context: AttachmentContext }) => ({
    to: diskKey(context.disk),
    event: { type: 'MOVED' as const, attachment: context.id },
  }),
});

const publishAttachFailed = shared({
  type: 'publish',
  params: ({ event }: Of<'PLUG_REFUSED' | 'PLUG_UNKNOWN'>) => ({
    type: 'disk.attach-failed' as const,
    problem: event.problem,
  }),
});
const publishDetachFailed = shared({
  type: 'publish',
  params: ({ event }: Of<'KEPT' | 'UNPLUG_FAILED'>) => ({
    type: 'disk.detach-failed' as const,
    problem: event.problem,
  }),
});
const publishNotRunning = shared({
  type: 'publish',
  params: ({ context, event }: { context: AttachmentContext } & Of<'NOT_RUNNING'>) => ({
    type: 'disk.detach-failed' as const,
    problem: { code: 'UNPLUG_UNKNOWN' as const, detail: doubtOf(context, event) },
  }),
});

/** Publishes a failure that has no event with a problem: the chart itself detects it. */
const failed = <const Type extends 'disk.attach-failed' | 'disk.detach-failed', const Code extends Failure>(
  type: Type,
  code: Code,
) => shared({ type: 'publish', params: { type, problem: { code, detail: '' } } });

const detached = shared({ type: 'publish', params: { type: 'disk.detached' } });
const attached = shared({ type: 'publish', params: { type: 'disk.attached' } });
const diverted = shared({ type: 'publish', params: { type: 'disk.diverted' } });
const lost = shared({ type: 'publish', params: { type: 'disk.machine-lost' } });

/** The disk is off the VM: answer the caller that waits for it. */
const off = shared({ target: 'released', actions: [giveBack, detached, answerDone] });
/** The VM is dead: the disk is free, and a later detach call for it still succeeds. */
const died = shared({ target: 'unclaimed', actions: [giveBack, detached] });
const isGone = shared({ target: 'released', actions: [giveBack, detached] });

const refuseForDoubt = shared({
  type: 'refuse',
  params: ({ context, event }: { context: AttachmentContext; event: DetachFacts }) => ({
    code: 'VM_FATE_UNKNOWN' as const,
    detail: doubtOf(context, event),
  }),
});

/**
 * A detach call for a VM that was seen with the disk. The disk is released if the end of the VM is proved, or
 * if the frontend reports it and nothing contradicts. A host that does not answer never releases a disk.
 */
const detachUnheld = shared([
  { guard: 'off', ...off },
  { guard: 'provedDead', ...off },
  { guard: 'believed', ...off },
  { actions: refuseForDoubt },
]);

const refuseForPlug = shared({
  type: 'refuse',
  params: {
    code: 'VM_FATE_UNKNOWN' as const,
    detail: 'libvirt has not answered for its plug, and may carry it out when the VM starts again',
  },
});

const held = shared({ guard: 'vmHoldsDisks', ...refusal('VM_RUNNING') });

/** An administrator's force releases whatever no host shows running with the disk. */
const forced = shared({ guard: 'forced', ...off });

/** The VM is not known to be gone, and no host that answers shows it running. */
const notFound = shared([
  { guard: 'doubtKnown', actions: 'noop' },
  { guard: 'lost', actions: ['doubt', lost] },
  { actions: 'doubt' },
]);

/** Updates the location of a VM that is not known to be gone. */
const whereItIs = shared([
  { guard: 'nothingNew', actions: 'noop' },
  { guard: 'runsElsewhere', actions: ['relocate', tellMoved] },
  { guard: 'runsHere', actions: 'relocate' },
  ...notFound,
]);

/**
 * A declaration that a node is dead does not release the disk of a VM that runs, or may run, on another node.
 */
const livesOn = shared([
  { guard: 'runsElsewhere', actions: ['relocate', tellMoved] },
  { guard: 'mayOutliveNode', actions: 'noop' },
]);

const left = shared([{ guard: 'seenSoAlready', actions: 'noop' }, { actions: 'markAway' }]);

const divert = shared([{ guard: 'divertedSoAlready', actions: 'noop' }, { actions: ['divert', diverted] }]);

/**
 * One disk on one VM. A hot attachment waits for the node and the guest (`attaching`, `detaching`), each time
 * until an absolute deadline in the context; RESUME re-enters those states after a restart, and only then.
 * `detaching` has the tag `retried`: an undone plug is unplugged until libvirt answers. A
 * disk stays accounted for as long as it is not known to be off the VM, or as long as the VM's definition
 * contains it: see `isOver` for what proves the end of a run, and `mayStartWith`. A VM that was saved or has
 * migrated is not dead, whatever its old node reports: it returns with its disks, there or elsewhere. A plug
 * call that is pending when its VM stops is undone, because libvirt may execute it in the VM's next run:
 * until libvirt has answered (`atWork`), the disk stays accounted for, even if the VM is known to be gone.
 *
 * A cold attachment is bound to a domain as soon as a live domain is seen with the disk, and follows that
 * domain from then on. It ends only by a detach call, because the disk is in the VM's definition.
 * `unclaimed`: the VM died and the disk is free; a detach call for it still succeeds.
 *
 * That the live domain does not show the device (DEVICE_GONE, FOUND) is ignored in `attaching`: the device
 * may not be visible yet, and the plug verifies its own result. DEVICE_GONE is ignored in `detaching`, too:
 * the unplug sees the same, and its result says who asked for it.
 */
export const attachmentMachine = setupAttachment.createMachine({
  id: 'attachment',
  context: initialAttachment,
  initial: 'new',
  states: {
    new: {
      on: {
        HOTATTACH: { target: 'attaching', actions: 'initHot' },
        ATTACH: { target: 'attached', actions: ['initCold', attached] },
        ADOPT: { target: 'hot-attached', actions: ['initHot', attached] },
      },
    },
    attaching: {
      entry: ['beginPlugging', 'plug'],
      on: {
        HOTDETACH: inProgress,
        DETACH: inProgress,
        PLUGGED: { guard: 'current', target: 'hot-attached', actions: ['noteRun', attached, answerDone] },
        PLUG_REFUSED: {
          guard: 'current',
          target: 'released',
          actions: [giveBack, publishAttachFailed, answerRefused],
        },
        PLUG_UNKNOWN: {
          guard: 'current',
          target: 'detaching',
          actions: ['undoPlug', publishAttachFailed, answerUnknown],
        },
        TIMEOUT: {
          target: 'detaching',
          actions: ['undoPlug', failed('disk.attach-failed', 'PLUG_UNKNOWN'), answerProblem('PLUG_UNKNOWN')],
        },
        FOUND: {
          guard: 'over',
          target: 'detaching',
          actions: [
            'noteEnd',
            'undoPlug',
            failed('disk.attach-failed', 'VM_STOPPED'),
            answerProblem('VM_STOPPED'),
          ],
        },
        LEFT: left,
        NODE_DEAD: [
          {
            guard: 'mayOutliveNode',
            target: 'detaching',
            actions: [
              'undoPlug',
              failed('disk.attach-failed', 'NODE_DECLARED_DEAD'),
              answerProblem('NODE_DECLARED_DEAD'),
            ],
          },
          {
            target: 'released',
            actions: [
              giveBack,
              failed('disk.attach-failed', 'NODE_DECLARED_DEAD'),
              answerProblem('NODE_DECLARED_DEAD'),
            ],
          },
        ],
        RESUME: { target: 'attaching', reenter: true },
      },
    },
    attached: {
      tags: 'rest',
      on: {
        HOTDETACH: refusal('NOT_HOT_PLUGGED'),
        PROMISE: [
          { guard: 'targetTaken', ...refusal('TARGET_TAKEN') },
          { guard: 'noFreeTarget', ...refusal('NO_FREE_TARGET') },
          { actions: 'reserveTarget' },
        ],
        DETACH: [held, { guard: 'untiedUnlessComing', ...off }, forced, ...detachUnheld],
        FOUND: [
          { guard: 'keepsLetterWithout', actions: 'clearTarget' },
          { guard: 'launchedWithout', actions: 'noop' },
          // The disk stays attached: the frontend's detach call is still to come.
          { guard: 'endIsNews', actions: 'noteEnd' },
          { guard: 'nothingNew', actions: 'noop' },
          { guard: 'runsHereOrFirst', actions: ['relocate', tellMoved] },
          { guard: 'runsElsewhere', actions: ['relocate', tellMoved] },
          { guard: 'untied', actions: 'noop' },
          ...notFound,
        ],
        LEFT: left,
        DIVERTED: divert,
        NODE_DEAD: [...livesOn, died],
      },
    },
    'hot-attached': {
      tags: ['rest', 'plugged'],
      entry: 'clearDeadline',
      on: {
        HOTDETACH: [held, forced, { target: 'detaching' }],
        DETACH: [held, forced, ...detachUnheld],
        PROMISE: refusal('HOT_PLUGGED'),
        DEVICE_GONE: { guard: 'goneForCertain', ...isGone },
        UNPLUGGED: { guard: 'current', ...isGone },
        FOUND: [
          { guard: 'offForCertain', ...isGone },
          { guard: 'provedDead', ...died },
          // The run is over, but the definition may still contain the disk.
          { guard: 'endIsNews', actions: 'noteEnd' },
          ...whereItIs,
        ],
        LEFT: left,
        DIVERTED: divert,
        NODE_DEAD: [...livesOn, died],
      },
    },
    detaching: {
      tags: ['plugged', 'retried'],
      entry: ['beginUnplugging', 'unplug'],
      on: {
        HOTDETACH: [held, forced, { actions: 'noop' }],
        DETACH: [
          { guard: 'mayStillCome', ...inProgress },
          held,
          forced,
          { guard: 'goneButForPlug', actions: refuseForPlug },
          ...detachUnheld,
        ],
        PROMISE: refusal('HOT_PLUGGED'),
        UNPLUGGED: [
          { guard: 'currentUndo', target: 'released', actions: [giveBack, answerDone] },
          { guard: 'current', ...off },
        ],
        KEPT: [
          { guard: 'currentUndo', target: 'hot-attached', actions: ['noteNewRun', attached, answerKept] },
          { guard: 'current', target: 'hot-attached', actions: [publishDetachFailed, answerKept] },
        ],
        UNPLUG_FAILED: [
          { guard: 'currentUndo', actions: answerUnplugFailed },
          { guard: 'current', target: 'hot-attached', actions: [publishDetachFailed, answerUnplugFailed] },
        ],
        NOT_RUNNING: [
          { guard: 'currentUndoOver', target: 'released', actions: [giveBack, answerDone] },
          { guard: 'currentOver', ...off },
          {
            guard: 'currentElsewhere',
            target: 'detaching',
            reenter: true,
            actions: ['noteSettled', 'relocate', tellMoved],
          },
          { guard: 'currentUndo', actions: ['noteSettled', 'doubt', answerNotRunning] },
          {
            guard: 'current',
            target: 'hot-attached',
            actions: ['doubt', publishNotRunning, answerNotRunning],
          },
        ],
        FOUND: [
          { guard: 'offForCertainNotUndoing', ...off },
          { guard: 'provedDeadNotUndoing', ...off },
          { guard: 'endIsNews', actions: 'noteEnd' },
          { guard: 'nothingNew', actions: 'noop' },
          // Re-enter, to unplug on the node where the VM is now.
          { guard: 'runsElsewhere', target: 'detaching', reenter: true, actions: ['relocate', tellMoved] },
          { guard: 'runsHere', actions: 'relocate' },
          ...notFound,
        ],
        LEFT: left,
        DIVERTED: divert,
        NODE_DEAD: [...livesOn, { guard: 'plugAtWorkElsewhere', actions: 'noop' }, off],
        TIMEOUT: [
          { guard: 'undoing', target: 'detaching', reenter: true, actions: answerProblem('UNPLUG_UNKNOWN') },
          {
            target: 'hot-attached',
            actions: [failed('disk.detach-failed', 'UNPLUG_UNKNOWN'), answerProblem('UNPLUG_UNKNOWN')],
          },
        ],
        RESUME: { target: 'detaching', reenter: true },
      },
    },
    unclaimed: {
      tags: ['rest', 'gone', 'timed'],
      entry: 'awaitClaim',
      on: {
        HOTDETACH: { target: 'released', actions: answerDone },
        DETACH: { target: 'released', actions: answerDone },
        FORGET: { target: 'released' },
        TIMEOUT: { target: 'released' },
      },
    },
    released: { type: 'final', tags: ['rest', 'gone'] },
  },
});
