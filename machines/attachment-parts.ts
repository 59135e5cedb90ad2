import { and, assertEvent, assign, not, or, setup } from 'xstate';
import type { AttachmentBirth, AttachmentEvent, DetachFacts } from './attachment-events.ts';
import { attachmentBirth } from './births.ts';
import type { DiskMessage } from './disk-events.ts';
import type { Answer, Publish, Refuse, Tell } from './notes.ts';
import type { Problem, Refusal } from './reasons.ts';
import { firstFreeTarget } from './targets.ts';
import type { Vm } from './vm.ts';
import {
  doubtOf,
  isBelieved,
  isOver,
  isProvedDead,
  type LastSeen,
  mayOutliveNode,
  mayStartWith,
  type Run,
} from './vm-location.ts';

/** The data of an attachment beside its state; stored in its record. */
export interface AttachmentContext extends AttachmentBirth {
  readonly mode: 'hot' | 'cold';
  /**
   * libvirt's name of the device: reserved for a hot attachment, promised for a cold one. Null: none is
   * promised.
   */
  readonly target: string | null;
  /** Whether the disk's user limit is above 1, so that QEMU must not lock the volume for one VM. */
  readonly shareable: boolean;
  /** When the attachment was created, in milliseconds since 1970. */
  readonly since: number;
  /** Number of the latest request to the node. Results that carry an older number are ignored. */
  readonly attempt: number;
  /** Deadline of the present wait, in milliseconds since 1970; null: the chart waits for nothing. */
  readonly deadline: number | null;
  /** A plug with an unknown result is being undone; its caller has been told that it failed. */
  readonly undo: boolean;
  /**
   * The node where a plug call may still be pending. libvirt cannot cancel a call, and executes it in the
   * VM's next run if that run has begun by then. Null: no call is pending.
   */
  readonly atWork: Pick<Vm, 'host' | 'node'> | null;
  /** The run in which the VM was last seen with the disk; null: it was never seen with it. */
  readonly run: Run | null;
  readonly seen: LastSeen;
  /**
   * Why it is not known whether the VM is gone, and since when: a person has to decide. Null: it is known.
   */
  readonly doubt: (Problem<Refusal> & { readonly since: number }) | null;
  /** The path that the VM writes to instead of the disk's volume; null: it writes to the volume. */
  readonly diverted: string | null;
}

/** The context before the first event. */
export const initialAttachment: AttachmentContext = {
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
  atWork: null,
  run: null,
  seen: 'running',
  doubt: null,
  diverted: null,
};

type Args = { readonly context: AttachmentContext; readonly event: AttachmentEvent };

const isCurrent = ({ context, event }: Args): boolean =>
  'attempt' in event && event.attempt === context.attempt;

const isUndoing = ({ context }: Args): boolean => context.undo;
/** No plug call is pending that could take effect in a later run. */
const isSettled = ({ context, event }: Args): boolean =>
  context.atWork === null || ('settled' in event && event.settled);
const isDefined = ({ event }: Args): boolean => 'defined' in event && event.defined;
const isNotAlarmed = ({ event }: Args): boolean => 'alarm' in event && event.alarm === null;
const isUntied = ({ context }: Args): boolean => context.vm.domain === null;
const isKnownToHaveEnded = ({ context }: Args): boolean => context.seen === 'ended';
const hasTarget = ({ context }: Args): boolean => context.target !== null;

/** What hosts report about the VM, if the event carries it. */
const factsOf = (event: AttachmentEvent) => ('found' in event ? event : undefined);

/**
 * The running VM as hosts report it. Undefined: no host reports it running, or the event carries no report.
 */
function runningOf(event: AttachmentEvent) {
  const found = factsOf(event)?.found;
  return found?.at === 'running' ? found : undefined;
}

const isRunning = ({ event }: Args): boolean => runningOf(event) !== undefined;

/** The VM is saved or migrating: it will run again with its disks. */
const isComing = ({ event }: Args): boolean => {
  const at = factsOf(event)?.found.at;
  return at === 'saved' || at === 'moving';
};

const isDead = ({ context, event }: Args): boolean => {
  const facts = factsOf(event);
  return facts !== undefined && isProvedDead(context, facts);
};

/** The VM's run has ended for certain. */
const hasEnded = ({ context, event }: Args): boolean => {
  const facts = factsOf(event);
  return facts !== undefined && isOver(context, facts);
};

/**
 * The VM runs on another node than the one on record. If the node on record does not answer, both hosts may
 * run the VM, and only one of them with the disk; then this counts only if that node has reported that the VM
 * migrated away.
 */
const runsElsewhere = ({ context, event }: Args): boolean => {
  const running = runningOf(event);
  if (!running || running.vm.node === context.vm.node) return false;
  return !running.homeIsSilent || context.seen === 'migrated';
};

const runsHere = ({ context, event }: Args): boolean => runningOf(event)?.vm.node === context.vm.node;

/**
 * The VM runs on the node on record, and its live domain does not have the disk. Where the home node was
 * silent, the VM was found elsewhere, and a missing disk proves nothing.
 */
const isOff = ({ context, event }: Args): boolean => {
  const running = runningOf(event);
  if (running?.vm.node !== context.vm.node || running.disks === null || running.homeIsSilent) return false;
  return !running.disks.includes(context.disk) && !mayStartWith(context, running);
};

/** A VM with this name runs without the disk: it was launched without the `<disk>` element. */
const isLaunchedWithout = ({ context, event }: Args): boolean =>
  runningOf(event)?.disks?.includes(context.disk) === false;

const detachOf = (event: AttachmentEvent): DetachFacts | undefined => {
  if (event.type === 'HOTDETACH') return event.forced;
  assertEvent(event, 'DETACH');
  return event;
};

/** The new value of `seen` after a report that does not show the VM running. */
function lastSeen({ context, event }: Args): LastSeen {
  const at = factsOf(event)?.found.at;
  if (at === 'saved') return 'managed-save';
  return at === 'moving' && context.seen === 'running' ? 'switching' : context.seen;
}

function doubtNow({ context, event }: Args): AttachmentContext['doubt'] {
  const facts = factsOf(event);
  const at = facts?.found.at;
  if (!facts || (at !== 'nowhere' && at !== 'running')) return null;
  const detail = doubtOf(context, facts);
  if (context.doubt?.detail === detail) return context.doubt;
  return { code: 'VM_FATE_UNKNOWN', detail, since: context.doubt?.since ?? event.time };
}

/**
 * The context, actions and guards of the attachment chart. Effects and notes are empty here, and the shell
 * provides them; every change of the context and every rule is here.
 */
export const setupAttachment = setup({
  types: {
    context: {} as AttachmentContext,
    events: {} as AttachmentEvent,
    tags: {} as 'rest' | 'plugged' | 'gone' | 'retried' | 'timed',
  },
  actions: {
    plug: () => {},
    unplug: () => {},
    /** No-op: the requested state already holds. */
    noop: () => {},
    refuse: (_, _note: Refuse) => {},
    answer: (_, _note: Answer) => {},
    publish: (_, _note: Publish) => {},
    tell: (_, _note: Tell<DiskMessage>) => {},
    initHot: assign(({ event }) => {
      assertEvent(event, ['HOTATTACH', 'ADOPT']);
      const { target, shareable, time } = event;
      const run = event.type === 'ADOPT' ? event.run : null;
      return { ...attachmentBirth(event), target, shareable, run, mode: 'hot', since: time };
    }),
    initCold: assign(({ event }) => {
      assertEvent(event, 'ATTACH');
      const { shareable, time } = event;
      return { ...attachmentBirth(event), shareable, mode: 'cold', since: time };
    }),
    beginPlugging: assign(({ context, event }) => ({
      attempt: context.attempt + 1,
      atWork: { host: context.vm.host, node: context.vm.node },
      deadline: event.now + event.timeouts.attaching,
    })),
    beginUnplugging: assign(({ context, event }) => ({
      attempt: context.attempt + 1,
      deadline: event.now + event.timeouts.detaching,
    })),
    awaitClaim: assign(({ event }) => ({
      deadline: event.now + event.timeouts.claiming,
      doubt: null,
      diverted: null,
    })),
    clearDeadline: assign({ deadline: null, undo: false, atWork: null }),
    undoPlug: assign({ undo: true }),
    noteEnd: assign({ seen: 'ended' }),
    noteSettled: assign(({ context, event }) => {
      assertEvent(event, 'NOT_RUNNING');
      return { atWork: event.settled ? null : context.atWork };
    }),
    /** The VM was started again, and libvirt has plugged the disk into that run. */
    noteNewRun: assign(({ context }) => ({ seen: context.seen === 'ended' ? 'running' : context.seen })),
    reserveTarget: assign(({ context, event }) => {
      assertEvent(event, 'PROMISE');
      return { target: event.target ?? context.target ?? firstFreeTarget(event.taken, 'b') };
    }),
    /** The VM runs without the disk: the target promised to it is free for other disks. */
    clearTarget: assign({ target: null }),
    noteRun: assign(({ event }) => {
      assertEvent(event, 'PLUGGED');
      // `seen` stays: the VM may have been saved after the plug looked at it.
      return { run: event.run };
    }),
    /** Take over the node and the run on which the VM was found running. */
    relocate: assign(({ context, event }) => {
      const running = runningOf(event);
      if (!running) return {};
      return { vm: { ...context.vm, ...running.vm }, run: running.run, seen: 'running', doubt: null };
    }),
    markAway: assign(({ event }) => {
      assertEvent(event, 'LEFT');
      return { seen: event.seen };
    }),
    doubt: assign(({ context, event }) => ({
      seen: lastSeen({ context, event }),
      doubt: doubtNow({ context, event }),
    })),
    divert: assign(({ event }) => {
      assertEvent(event, 'DIVERTED');
      return { diverted: event.source };
    }),
  },
  guards: {
    current: isCurrent,
    currentUndo: and([isCurrent, isUndoing]),
    undoing: isUndoing,
    mayStillCome: and([isUndoing, isRunning]),
    vmHoldsDisks: ({ event }) => (detachOf(event)?.held.length ?? 0) > 0,
    forced: ({ event }) => detachOf(event)?.authority === 'administrator',
    untied: isUntied,
    untiedUnlessComing: and([isUntied, not(isComing)]),
    provedDead: isDead,
    provedDeadNotUndoing: and([not(isUndoing), isDead]),
    over: hasEnded,
    endIsNews: and([hasEnded, not(isKnownToHaveEnded)]),
    believed: ({ context, event }) => {
      const facts = detachOf(event);
      return facts !== undefined && isBelieved(context, facts, facts.authority);
    },
    /** The VM may also have moved to another node while the facts were gathered. */
    mayOutliveNode: ({ context, event }) => {
      assertEvent(event, 'NODE_DEAD');
      return event.node !== context.vm.node || mayOutliveNode(context, event.found);
    },
    off: isOff,
    offForCertain: and([isNotAlarmed, isOff]),
    offForCertainNotUndoing: and([not(isUndoing), isNotAlarmed, isOff]),
    /**
     * The VM is known to be gone, but a plug call is pending in libvirt: the VM's next run could get the
     * disk.
     */
    goneButForPlug: ({ context, event }) => {
      const facts = detachOf(event);
      if (facts === undefined || context.atWork === null) return false;
      return isProvedDead(context, facts) || isBelieved(context, facts, facts.authority);
    },
    plugAtWorkElsewhere: ({ context }) => context.atWork !== null && context.atWork.node !== context.vm.node,
    goneForCertain: and([isNotAlarmed, not(isDefined)]),
    runsElsewhere,
    currentElsewhere: and([isCurrent, runsElsewhere]),
    currentOver: and([isCurrent, not(isUndoing), isDead]),
    /** The VM is gone, and no pending call can plug the disk into a later run. */
    currentUndoOver: and([isCurrent, isUndoing, isSettled, isDead]),
    /** The VM runs as it is on record: same node, same domain, same run. */
    nothingNew: ({ context, event }) => {
      const running = runningOf(event);
      if (!running || context.seen !== 'running' || context.doubt) return false;
      const { vm, run } = running;
      const isKnown = vm.node === context.vm.node && vm.domain === context.vm.domain;
      return isKnown && run.host === context.run?.host && run.id === context.run.id;
    },
    runsHere,
    /** For a VM that was registered before its launch, the first node where it runs counts as its node. */
    runsHereOrFirst: or([runsHere, and([isUntied, isRunning])]),
    lost: args => doubtNow(args) !== null,
    launchedWithout: isLaunchedWithout,
    keepsLetterWithout: and([hasTarget, isLaunchedWithout]),
    doubtKnown: args => {
      const { seen, doubt } = args.context;
      return lastSeen(args) === seen && doubtNow(args) === doubt;
    },
    seenSoAlready: ({ context, event }) => {
      assertEvent(event, 'LEFT');
      // The state `managed-save` is more precise than the event that reports a save.
      return event.seen === context.seen || (event.seen === 'saved' && context.seen === 'managed-save');
    },
    divertedSoAlready: ({ context, event }) => {
      assertEvent(event, 'DIVERTED');
      return event.source === context.diverted;
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
