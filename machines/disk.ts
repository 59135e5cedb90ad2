import type { DiskEvent } from './disk-events.ts';
import { type DiskContext, setupDisk, unborn } from './disk-parts.ts';
import { attachmentKey, type ChangeType } from './notes.ts';
import { answerDone, answerProblem, refusal, shared } from './shared.ts';
import { firstFreeTarget } from './targets.ts';

const unknown = refusal('DISK_UNKNOWN');
const inUse = refusal('DISK_IN_USE');
const notFailed = refusal('DISK_NOT_FAILED');

/** A disk that is being made or removed, or failed, is unknown to everybody who would use it. */
const unusable = { HOTATTACH: unknown, ATTACH: unknown, SET_LIMIT: unknown };

const tellHotattach = shared({
  type: 'tell',
  params: ({ context, event }: { context: DiskContext; event: DiskEvent & { type: 'HOTATTACH' } }) => {
    const { id, disk, node, vmId, vm, by } = event;
    const target = firstFreeTarget(event.taken) ?? '';
    const message = { type: 'HOTATTACH' as const, id, disk, node, vmId, vm, by, target };
    return { to: attachmentKey(id), event: { ...message, shareable: context.limit > 1 } };
  },
});

const tellAttach = shared({
  type: 'tell',
  params: ({ context, event }: { context: DiskContext; event: DiskEvent & { type: 'ATTACH' } }) => {
    const { id, disk, node, vmId, vm, by } = event;
    const message = { type: 'ATTACH' as const, id, disk, node, vmId, vm, by };
    return { to: attachmentKey(id), event: { ...message, shareable: context.limit > 1 } };
  },
});

const reserve = shared({ target: 'hot-attached', actions: ['addHotUser', tellHotattach] });

const noFreeTarget = shared({ guard: 'noFreeTarget', ...refusal('NO_FREE_TARGET') });

/** The limit and uniqueness rules: a reservation counts as a user from here on. */
const takeHotUser = shared([
  { guard: 'usedByThisVm', ...refusal('ALREADY_ATTACHED') },
  { guard: 'limitReached', ...refusal('LIMIT_REACHED') },
  noFreeTarget,
  reserve,
]);

/** Registers a fact, so no limit refuses it; `next` is the state that it leads to. */
const takeColdUser = <const State extends 'attached' | 'hot-attached'>(next: State) =>
  shared([
    { guard: 'coldOnThisVm', actions: 'agree' },
    {
      guard: 'limitReached',
      target: next,
      actions: ['addColdUser', tellAttach, { type: 'publish', params: { type: 'disk.oversubscribed' } }],
    },
    { target: next, actions: ['addColdUser', tellAttach] },
  ]);

const answerWhyUndone = shared({
  type: 'answer',
  params: ({ context }: { context: DiskContext }) => ({ problem: context.undo }),
});

const answerNotUndone = shared({
  type: 'answer',
  params: ({ context }: { context: DiskContext }) => ({
    problem: { code: 'CREATE_NOT_UNDONE' as const, detail: context.undo?.detail ?? '' },
  }),
});

const answerRemoveFailed = shared({
  type: 'answer',
  params: ({ event }: { event: DiskEvent & { type: 'REMOVE_FAILED' } }) => ({ problem: event.problem }),
});

const published = <const Type extends ChangeType>(type: Type) =>
  shared({ type: 'publish', params: { type } });

const notUndone = shared({ target: 'failed', actions: [answerNotUndone, published('disk.failed')] });

/**
 * A disk: what may be done with it, and when. Its volume exists, whole, in `available`, `attached` and `hot-attached`. Waiting
 * states (`creating`, `deleting`) have an absolute deadline in the context; RESUME re-enters them after a restart, and only then.
 */
export const diskMachine = setupDisk.createMachine({
  id: 'disk',
  context: unborn,
  initial: 'new',
  states: {
    new: {
      on: {
        CREATE: [
          { guard: 'overQuota', ...refusal('QUOTA_EXCEEDED') },
          { guard: 'noRoom', ...refusal('NO_SPACE') },
          { target: 'creating', actions: 'beBorn' },
        ],
      },
    },
    creating: {
      entry: ['beginMaking', 'makeVolume'],
      on: {
        ...unusable,
        DELETE: unknown,
        RETRY: unknown,
        VOLUME_MADE: {
          guard: 'current',
          target: 'available',
          actions: [published('disk.created'), answerDone],
        },
        VOLUME_FAILED: { guard: 'current', target: 'deleting', actions: 'undoForFailure' },
        TIMEOUT: { target: 'deleting', actions: 'undoForTimeout' },
        RESUME: { target: 'creating', reenter: true },
      },
    },
    available: {
      tags: ['rest', 'known'],
      entry: 'rest',
      on: {
        HOTATTACH: [noFreeTarget, reserve],
        ATTACH: { target: 'attached', actions: ['addColdUser', tellAttach] },
        SET_LIMIT: { actions: ['setLimit', published('disk.limit-changed')] },
        DELETE: { target: 'deleting' },
        RETRY: notFailed,
      },
    },
    attached: {
      tags: ['rest', 'known'],
      on: {
        HOTATTACH: takeHotUser,
        ATTACH: takeColdUser('attached'),
        RELEASED: [
          { guard: 'lastUser', target: 'available', actions: 'removeUser' },
          { actions: 'removeUser' },
        ],
        SET_LIMIT: inUse,
        DELETE: inUse,
        RETRY: notFailed,
      },
    },
    'hot-attached': {
      tags: ['rest', 'known'],
      on: {
        HOTATTACH: takeHotUser,
        ATTACH: [{ guard: 'hotOnThisVm', ...refusal('HOT_PLUGGED') }, ...takeColdUser('hot-attached')],
        RELEASED: [
          { guard: 'lastUser', target: 'available', actions: 'removeUser' },
          { guard: 'lastHotUser', target: 'attached', actions: 'removeUser' },
          { actions: 'removeUser' },
        ],
        MOVED: { actions: 'moveUser' },
        SET_LIMIT: inUse,
        DELETE: inUse,
        RETRY: notFailed,
      },
    },
    deleting: {
      entry: ['beginRemoving', 'removeVolume'],
      on: {
        ...unusable,
        DELETE: unknown,
        RETRY: unknown,
        VOLUME_REMOVED: [
          { guard: 'currentUndo', target: 'deleted', actions: answerWhyUndone },
          {
            guard: 'current',
            target: 'deleted',
            actions: [published('disk.deleted'), answerDone],
          },
        ],
        REMOVE_FAILED: [
          { guard: 'currentUndo', ...notUndone },
          { guard: 'current', actions: answerRemoveFailed },
        ],
        TIMEOUT: [
          { guard: 'undoing', ...notUndone },
          { target: 'deleting', reenter: true, actions: answerProblem('REMOVE_TIMEOUT') },
        ],
        RESUME: { target: 'deleting', reenter: true },
      },
    },
    failed: {
      tags: 'rest',
      entry: 'rest',
      on: {
        ...unusable,
        RETRY: { target: 'creating' },
        DELETE: { target: 'deleting', actions: 'pardon' },
        VOLUME_REMOVED: {
          guard: 'current',
          target: 'deleted',
          actions: published('disk.deleted'),
        },
      },
    },
    deleted: { type: 'final', tags: 'rest' },
  },
});
