import { attachmentBirth } from './births.ts';
import type { DiskEvent } from './disk-events.ts';
import { type DiskContext, initialDisk, setupDisk } from './disk-parts.ts';
import { attachmentKey, type ChangeType } from './notes.ts';
import { answerDone, answerProblem, refusal, shared } from './shared.ts';
import { firstFreeTarget } from './targets.ts';

const unknown = refusal('DISK_UNKNOWN');
const inUse = refusal('DISK_IN_USE');
const notFailed = refusal('DISK_NOT_FAILED');
const busy = refusal('DISK_BUSY');

/**
 * In the states before and after its life, and in `failed`, requests to use or change the disk are answered
 * DISK_UNKNOWN.
 */
const unusable = { HOTATTACH: unknown, ATTACH: unknown, SET_LIMIT: unknown, RESIZE: unknown, EDIT: unknown };

/** A conditional request for an outdated version is refused. */
const stale = shared({ guard: 'stale', ...refusal('DISK_CHANGED') });

/** A volume that is no longer as pdisk made it is not touched. */
const obstructed = shared({ guard: 'obstructed', ...refusal('LEFTOVER_UNUSABLE') });

const tellHotattach = shared({
  type: 'tell',
  params: ({ context, event }: { context: DiskContext; event: DiskEvent & { type: 'HOTATTACH' } }) => {
    const target = firstFreeTarget(event.taken) ?? '';
    const message = { type: 'HOTATTACH' as const, ...attachmentBirth(event), target };
    return { to: attachmentKey(event.id), event: { ...message, shareable: context.limit > 1 } };
  },
});

const tellAttach = shared({
  type: 'tell',
  params: ({ context, event }: { context: DiskContext; event: DiskEvent & { type: 'ATTACH' } }) => {
    const message = { type: 'ATTACH' as const, ...attachmentBirth(event) };
    return { to: attachmentKey(event.id), event: { ...message, shareable: context.limit > 1 } };
  },
});

const tellAdopt = shared({
  type: 'tell',
  params: ({ context, event }: { context: DiskContext; event: DiskEvent & { type: 'ADOPT_USER' } }) => {
    const { target, run } = event;
    const message = { type: 'ADOPT' as const, ...attachmentBirth(event), target, run };
    return { to: attachmentKey(event.id), event: { ...message, shareable: context.limit > 1 } };
  },
});

const reserve = shared({ target: 'hot-attached', actions: ['addHotUser', tellHotattach] });

const oversubscribed = shared({ type: 'publish', params: { type: 'disk.oversubscribed' } });

/** Records a fact, as with a cold user: the VM already has the disk, so no limit refuses it. */
const adoptUser = shared([
  { guard: 'usedByThisVm', actions: 'noop' },
  { guard: 'limitReached', target: 'hot-attached', actions: ['addHotUser', tellAdopt, oversubscribed] },
  { target: 'hot-attached', actions: ['addHotUser', tellAdopt] },
]);

/** A live domain has the disk, and no attachment accounts for it: a stray device. */
const heldByVm = shared({
  guard: 'heldByVm',
  actions: {
    type: 'refuse',
    params: ({ event }: { event: DiskEvent & { type: 'HOTATTACH' | 'DELETE' } }) => ({
      code: 'DISK_IN_USE' as const,
      detail: event.holder ?? '',
    }),
  },
});

/** What forbids a hot attach, whatever other users the disk has. */
const notPluggable = shared([
  { guard: 'isThere', ...refusal('ALREADY_ATTACHED') },
  { guard: 'nodeIsDead', ...refusal('NODE_DECLARED_DEAD') },
  heldByVm,
]);

const noFreeTarget = shared({ guard: 'noFreeTarget', ...refusal('NO_FREE_TARGET') });

/**
 * The rules of a hot attach to a disk with users: one attachment per VM, and the user limit. From here on the
 * reservation counts as a user.
 */
const takeHotUser = shared([
  { guard: 'usedByThisVm', ...refusal('ALREADY_ATTACHED') },
  ...notPluggable,
  { guard: 'limitReached', ...refusal('LIMIT_REACHED') },
  noFreeTarget,
  reserve,
]);

const tooManyOnVm = shared({ guard: 'tooManyOnVm', ...refusal('TOO_MANY_ON_VM') });

/**
 * A cold attach records a fact, so the user limit does not refuse it; only the much higher bounds of
 * TOO_MANY_ON_VM and TOO_MANY_USERS do. `next` is the target state.
 */
const takeColdUser = <const State extends 'attached' | 'hot-attached'>(next: State) =>
  shared([
    { guard: 'coldOnThisVm', actions: 'noop' },
    tooManyOnVm,
    { guard: 'tooManyUsers', ...refusal('TOO_MANY_USERS') },
    {
      guard: 'limitReached',
      target: next,
      actions: ['addColdUser', tellAttach, oversubscribed],
    },
    { target: next, actions: ['addColdUser', tellAttach] },
  ]);

/**
 * The same while the disk is being resized: the new user's VM may already run and must be told the new size,
 * too.
 */
const takeColdUserGrowing = shared([
  { guard: 'hotOnThisVm', ...refusal('HOT_PLUGGED') },
  { guard: 'coldOnThisVm', actions: 'noop' },
  tooManyOnVm,
  { guard: 'tooManyUsers', ...refusal('TOO_MANY_USERS') },
  {
    guard: 'limitReached',
    target: 'growing',
    reenter: true,
    actions: ['addColdUser', tellAttach, { type: 'publish', params: { type: 'disk.oversubscribed' } }],
  },
  { target: 'growing', reenter: true, actions: ['addColdUser', tellAttach] },
]);

/** The new size counts against pool and quota from the start of the resize. */
const grow = shared([
  { guard: 'notLarger', ...refusal('NOT_LARGER') },
  { guard: 'beingAttached', ...busy },
  { guard: 'resizeExceedsQuota', ...refusal('QUOTA_EXCEEDED') },
  { guard: 'resizeExceedsRoom', ...refusal('NO_SPACE') },
  { target: 'growing', actions: 'reserveSize' },
]);

const edit = shared([stale, { guard: 'nothingNew', actions: 'noop' }, { actions: 'edit' }]);

/** Back to the state that follows from the users: hot, cold or none. */
const settled = <const Action>(actions: Action) =>
  shared([
    { guard: 'currentHot', target: 'hot-attached', actions },
    { guard: 'currentUsed', target: 'attached', actions },
    { guard: 'current', target: 'available', actions },
  ]);

const answerNotGrown = shared({
  type: 'answer',
  params: ({ event }: { event: DiskEvent & { type: 'NOT_RESIZED' } }) => ({ problem: event.problem }),
});

const answerGrowPending = shared({
  type: 'answer',
  params: ({ event }: { event: DiskEvent & { type: 'RESIZE_PENDING' } }) => ({ problem: event.problem }),
});

const answerWhyUndone = shared({
  type: 'answer',
  params: ({ context }: { context: DiskContext }) => ({ problem: context.undo }),
});

const answerNotBegun = shared({
  type: 'answer',
  params: ({ event }: { event: DiskEvent & { type: 'NOT_BEGUN' } }) => ({ problem: event.problem }),
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

const publishFailed = shared({
  type: 'publish',
  params: ({ context }: { context: DiskContext }) => ({
    type: 'disk.failed' as const,
    problem: { code: 'CREATE_NOT_UNDONE' as const, detail: context.undo?.detail ?? '' },
  }),
});

const publishUndone = shared({
  type: 'publish',
  params: ({ context }: { context: DiskContext }) => ({
    type: 'disk.create-failed' as const,
    problem: context.undo,
  }),
});

const publishNotGrown = shared({
  type: 'publish',
  params: ({ event }: { event: DiskEvent & { type: 'NOT_RESIZED' } }) => ({
    type: 'disk.resize-failed' as const,
    problem: event.problem,
  }),
});

const notUndone = shared({ target: 'failed', actions: [answerNotUndone, publishFailed] });

/**
 * A disk: what may be done with it, and when. Its volume exists and is complete in `available`, `attached`,
 * `hot-attached` and `growing`; in `wiping` the disk is already gone for its users, and its volume is being
 * overwritten. Waiting states (`creating`, `growing`, `wiping`, `deleting`) have an absolute deadline in the
 * context; RESUME re-enters them after a restart, and only then. Those with the tag `retried` ask the pool
 * again at each deadline, until it answers. `failed` rests with a deadline (tag `timed`): the time of the
 * next attempt to undo the creation. A leftover (a volume without a record) starts here as well: ADOPT makes
 * it a disk, DISCARD removes it in the same way as the volume of a deleted disk.
 */
export const diskMachine = setupDisk.createMachine({
  id: 'disk',
  context: initialDisk,
  initial: 'new',
  states: {
    new: {
      on: {
        CREATE: [
          { guard: 'overQuota', ...refusal('QUOTA_EXCEEDED') },
          { guard: 'noRoom', ...refusal('NO_SPACE') },
          { target: 'creating', actions: 'initDisk' },
        ],
        ADOPT: [obstructed, { target: 'available', actions: ['initAdopted', published('disk.adopted')] }],
        DISCARD: [
          obstructed,
          { guard: 'held', ...inUse },
          { guard: 'nodeUnseen', ...refusal('NODES_SILENT') },
          {
            guard: 'mustWipe',
            target: 'wiping',
            actions: ['initDiscarded', published('disk.discarded'), answerDone],
          },
          { target: 'deleting', actions: ['initDiscarded', published('disk.discarded')] },
        ],
      },
    },
    creating: {
      entry: ['beginCreating', 'createVolume'],
      on: {
        ...unusable,
        DELETE: unknown,
        RETRY: unknown,
        VOLUME_CREATED: {
          guard: 'current',
          target: 'available',
          actions: [published('disk.created'), answerDone],
        },
        VOLUME_FAILED: { guard: 'current', target: 'deleting', actions: 'undoForFailure' },
        NOT_BEGUN: [
          { guard: 'currentFirst', target: 'deleted', actions: answerNotBegun },
          { guard: 'current', target: 'deleting', actions: 'undoForFailure' },
        ],
        TIMEOUT: { target: 'deleting', actions: 'undoForTimeout' },
        // No client knows this disk: without an Idempotency-Key, a client that lost the answer creates
        // another.
        RESUME: [
          { guard: 'repeatable', target: 'creating', reenter: true },
          { target: 'deleting', actions: 'undoForRestart' },
        ],
      },
    },
    available: {
      tags: ['rest', 'known'],
      entry: 'clearDeadline',
      on: {
        HOTATTACH: [...notPluggable, noFreeTarget, reserve],
        ADOPT_USER: { target: 'hot-attached', actions: ['addHotUser', tellAdopt] },
        ATTACH: [tooManyOnVm, { target: 'attached', actions: ['addColdUser', tellAttach] }],
        SET_LIMIT: { actions: ['setLimit', published('disk.limit-changed')] },
        RESIZE: grow,
        EDIT: edit,
        DELETE: [
          stale,
          heldByVm,
          { guard: 'mustWipe', target: 'wiping', actions: [published('disk.deleted'), answerDone] },
          { target: 'deleting' },
        ],
        RETRY: notFailed,
      },
    },
    attached: {
      tags: ['rest', 'known'],
      on: {
        HOTATTACH: takeHotUser,
        ADOPT_USER: adoptUser,
        ATTACH: takeColdUser('attached'),
        RELEASED: [
          { guard: 'lastUser', target: 'available', actions: 'removeUser' },
          { actions: 'removeUser' },
        ],
        MOVED: { actions: 'noop' },
        SET_LIMIT: inUse,
        RESIZE: grow,
        EDIT: edit,
        DELETE: [stale, inUse],
        RETRY: notFailed,
      },
    },
    'hot-attached': {
      tags: ['rest', 'known'],
      on: {
        HOTATTACH: takeHotUser,
        ADOPT_USER: adoptUser,
        ATTACH: [{ guard: 'hotOnThisVm', ...refusal('HOT_PLUGGED') }, ...takeColdUser('hot-attached')],
        RELEASED: [
          { guard: 'lastUser', target: 'available', actions: 'removeUser' },
          { guard: 'lastHotUser', target: 'attached', actions: 'removeUser' },
          { actions: 'removeUser' },
        ],
        MOVED: { actions: 'noop' },
        SET_LIMIT: inUse,
        RESIZE: grow,
        EDIT: edit,
        DELETE: [stale, inUse],
        RETRY: notFailed,
      },
    },
    growing: {
      tags: ['known', 'retried'],
      entry: ['beginResizing', 'resizeVolume'],
      on: {
        HOTATTACH: busy,
        ATTACH: takeColdUserGrowing,
        SET_LIMIT: busy,
        RESIZE: busy,
        EDIT: edit,
        // The resize may never end. Once its caller was told that it is delayed, the disk may be deleted.
        DELETE: [
          stale,
          { guard: 'neverFailed', ...busy },
          { guard: 'used', ...inUse },
          heldByVm,
          { guard: 'mustWipe', target: 'wiping', actions: [published('disk.deleted'), answerDone] },
          { target: 'deleting' },
        ],
        RETRY: notFailed,
        RELEASED: { target: 'growing', reenter: true, actions: 'removeUser' },
        // Re-enter, to tell the new size on the node where the VM is now.
        MOVED: { target: 'growing', reenter: true },
        RESIZED: settled(['endResize', published('disk.resized'), answerDone]),
        NOT_RESIZED: settled(['restoreSize', 'endResize', publishNotGrown, answerNotGrown]),
        RESIZE_PENDING: { guard: 'current', actions: ['tryAgainLater', answerGrowPending] },
        TIMEOUT: {
          target: 'growing',
          reenter: true,
          actions: ['noteDelay', answerProblem('GROW_TIMEOUT')],
        },
        RESUME: { target: 'growing', reenter: true },
      },
    },
    wiping: {
      tags: ['gone', 'retried'],
      entry: ['beginWiping', 'wipeVolume'],
      on: {
        ...unusable,
        DELETE: unknown,
        RETRY: unknown,
        WIPED: [
          { guard: 'currentWhole', target: 'deleting', actions: ['noteWiped', published('disk.wiping')] },
          {
            guard: 'current',
            target: 'wiping',
            reenter: true,
            actions: ['noteWiped', published('disk.wiping')],
          },
        ],
        WIPE_FAILED: { guard: 'current', actions: 'tryAgainLater' },
        TIMEOUT: { target: 'wiping', reenter: true },
        // Start-up must not wait for wiping, so RESUME answers at once.
        RESUME: { target: 'wiping', reenter: true, actions: answerDone },
      },
    },
    deleting: {
      tags: 'retried',
      entry: ['beginDeleting', 'deleteVolume'],
      on: {
        ...unusable,
        DELETE: unknown,
        RETRY: unknown,
        VOLUME_DELETED: [
          { guard: 'currentUndo', target: 'deleted', actions: [publishUndone, answerWhyUndone] },
          { guard: 'currentWiped', target: 'deleted', actions: [published('disk.wiped'), answerDone] },
          {
            guard: 'current',
            target: 'deleted',
            actions: [published('disk.deleted'), answerDone],
          },
        ],
        REMOVE_FAILED: [
          { guard: 'currentUndo', ...notUndone },
          { guard: 'current', actions: ['tryAgainLater', answerRemoveFailed] },
        ],
        TIMEOUT: [
          { guard: 'undoing', ...notUndone },
          { target: 'deleting', reenter: true, actions: answerProblem('REMOVE_TIMEOUT') },
        ],
        RESUME: { target: 'deleting', reenter: true },
      },
    },
    // The undo is retried without a request: the client may never ask for it, or may not have got the answer.
    failed: {
      tags: ['rest', 'timed'],
      entry: 'tryAgainLater',
      on: {
        ...unusable,
        TIMEOUT: { target: 'deleting' },
        RETRY: { target: 'creating', actions: 'beginAnew' },
        DELETE: [stale, { target: 'deleting', actions: 'clearFailure' }],
        VOLUME_DELETED: {
          guard: 'current',
          target: 'deleted',
          actions: published('disk.deleted'),
        },
      },
    },
    deleted: { type: 'final', tags: ['rest', 'gone'] },
  },
});
