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
} from './whereabouts.ts';

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
  /**
   * The node where a plug may still be at work: libvirt cannot be told to forget a call, and carries it out on the machine's next run if
   * that is what it finds. Null: none is.
   */
  readonly atWork: Pick<Vm, 'host' | 'node'> | null;
  /** The run in which the machine was last seen with the disk; null while it was not seen. */
  readonly run: Run | null;
  readonly seen: LastSeen;
  /** Why it is not known whether the machine is gone, and since when; a person has to say. Null: it is known. */
  readonly doubt: (Problem<Refusal> & { readonly since: number }) | null;
  /** The path to which the machine writes instead of the disk's volume; null: it writes to the volume. */
  readonly diverted: string | null;
}

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
/** No plug is at work any more that could be carried out on a later run. */
const isSettled = ({ context, event }: Args): boolean =>
  context.atWork === null || ('settled' in event && event.settled);
const isDefined = ({ event }: Args): boolean => 'defined' in event && event.defined;
const isNotAlarmed = ({ event }: Args): boolean => 'alarm' in event && event.alarm === null;
const isUntied = ({ context }: Args): boolean => context.vm.domain === null;
const isKnownToHaveEnded = ({ context }: Args): boolean => context.seen === 'ended';
const hasTarget = ({ context }: Args): boolean => context.target !== null;

/** What hosts tell, where an event brings it. */
const factsOf = (event: AttachmentEvent) => ('found' in event ? event : undefined);

/** The machine that hosts show running; undefined: none does, or the event does not say. */
function runningOf(event: AttachmentEvent) {
  const found = factsOf(event)?.found;
  return found?.at === 'running' ? found : undefined;
}

const isRunning = ({ event }: Args): boolean => runningOf(event) !== undefined;

/** It is saved or migrating. */
const isComing = ({ event }: Args): boolean => {
  const at = factsOf(event)?.found.at;
  return at === 'saved' || at === 'moving';
};

const isDead = ({ context, event }: Args): boolean => {
  const facts = factsOf(event);
  return facts !== undefined && isProvedDead(context, facts);
};

/** Its run has ended. */
const hasEnded = ({ context, event }: Args): boolean => {
  const facts = factsOf(event);
  return facts !== undefined && isOver(context, facts);
};

/**
 * It runs on another node, and not where it was known to be: as long as that node is silent, only its own word that the machine has
 * left counts, for two hosts may run it, and only one of them with the disk.
 */
const runsElsewhere = ({ context, event }: Args): boolean => {
  const running = runningOf(event);
  if (!running || running.vm.node === context.vm.node) return false;
  return !running.homeIsSilent || context.seen === 'migrated';
};

const runsHere = ({ context, event }: Args): boolean => runningOf(event)?.vm.node === context.vm.node;

/** Its machine runs where it is known to be, and its live domain does not have the disk. One that was found while another node was its home need not have it. */
const isOff = ({ context, event }: Args): boolean => {
  const running = runningOf(event);
  if (running?.vm.node !== context.vm.node || running.disks === null || running.homeIsSilent) return false;
  return !running.disks.includes(context.disk) && !mayStartWith(context, running);
};

/** A machine by that name runs without the disk: whoever launched it did so without its element. */
const isLaunchedWithout = ({ context, event }: Args): boolean =>
  runningOf(event)?.disks?.includes(context.disk) === false;

const detachOf = (event: AttachmentEvent): DetachFacts | undefined => {
  if (event.type === 'HOTDETACH') return event.forced;
  assertEvent(event, 'DETACH');
  return event;
};

/** What a host tells of a machine that it does not show running. */
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

/** The attachment chart's vocabulary: effects and notes are left open, what changes the context and every rule is here. */
export const setupAttachment = setup({
  types: {
    context: {} as AttachmentContext,
    events: {} as AttachmentEvent,
    tags: {} as 'rest' | 'plugged' | 'gone',
  },
  actions: {
    plug: () => {},
    unplug: () => {},
    /** It is so already. */
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
    /** It was started anew, and libvirt has plugged the disk into that run. */
    noteNewRun: assign(({ context }) => ({ seen: context.seen === 'ended' ? 'running' : context.seen })),
    reserveTarget: assign(({ context, event }) => {
      assertEvent(event, 'PROMISE');
      return { target: event.target ?? context.target ?? firstFreeTarget(event.taken, 'b') };
    }),
    /** The machine runs without the disk, so that the letter promised to it is free for others. */
    clearTarget: assign({ target: null }),
    noteRun: assign(({ event }) => {
      assertEvent(event, 'PLUGGED');
      // Not `seen`: the machine may have been saved since it was looked at.
      return { run: event.run };
    }),
    /** It is where the facts say, running. */
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
    forced: ({ event }) => detachOf(event)?.word === 'administrator',
    untied: isUntied,
    untiedUnlessComing: and([isUntied, not(isComing)]),
    provedDead: isDead,
    provedDeadNotUndoing: and([not(isUndoing), isDead]),
    over: hasEnded,
    endIsNews: and([hasEnded, not(isKnownToHaveEnded)]),
    believed: ({ context, event }) => {
      const facts = detachOf(event);
      return facts !== undefined && isBelieved(context, facts, facts.word);
    },
    /** It may have gone to another while the facts were gathered. */
    mayOutliveNode: ({ context, event }) => {
      assertEvent(event, 'NODE_DEAD');
      return event.node !== context.vm.node || mayOutliveNode(context, event.found);
    },
    off: isOff,
    offForCertain: and([isNotAlarmed, isOff]),
    offForCertainNotUndoing: and([not(isUndoing), isNotAlarmed, isOff]),
    /** Nobody's word about the machine says that libvirt is done with the plug: its next run could have the disk. */
    goneButForPlug: ({ context, event }) => {
      const facts = detachOf(event);
      if (facts === undefined || context.atWork === null) return false;
      return isProvedDead(context, facts) || isBelieved(context, facts, facts.word);
    },
    plugAtWorkElsewhere: ({ context }) => context.atWork !== null && context.atWork.node !== context.vm.node,
    goneForCertain: and([isNotAlarmed, not(isDefined)]),
    goneForCertainNotUndoing: and([isNotAlarmed, not(isDefined), not(isUndoing)]),
    runsElsewhere,
    currentElsewhere: and([isCurrent, runsElsewhere]),
    currentOver: and([isCurrent, not(isUndoing), isDead]),
    /** No earlier call can plug the disk into a later run. */
    currentUndoOver: and([isCurrent, isUndoing, isSettled, isDead]),
    /** It runs, and everything else is known already. */
    nothingNew: ({ context, event }) => {
      const running = runningOf(event);
      if (!running || context.seen !== 'running' || context.doubt) return false;
      const { vm, run } = running;
      const isKnown = vm.node === context.vm.node && vm.domain === context.vm.domain;
      return isKnown && run.host === context.run?.host && run.id === context.run.id;
    },
    runsHere,
    /** A registered machine is where it is seen first; after that as above. */
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
      // libvirt's own image is known better than by the event that tells of saving.
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
