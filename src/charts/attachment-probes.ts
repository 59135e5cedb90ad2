import type { AttachmentMessage } from '../../machines/attachment-events.ts';
import type { AttachmentContext } from '../../machines/attachment-parts.ts';
import type { Stamp } from '../../machines/stamp.ts';
import type { Probe } from './explain-event.ts';
import { type Assumption, always, type ProbeKind, probesOf } from './probe-kinds.ts';

/** The facts that events sent now would carry. */
export interface AttachmentFacts {
  readonly context: AttachmentContext;
  /** The targets of the VM's other disks. */
  readonly taken: readonly string[];
  readonly stamp: Stamp;
}

/** The possible reports about the VM, each with a phrase for people. */
const givens = ({ context }: AttachmentFacts): Assumption[] => {
  const { vm } = context;
  const run = context.run ?? { host: '', id: 0 };
  const end = { how: 'destroyed', node: vm.node, host: run.host, watched: run.id };
  const nowhere = { at: 'nowhere', silent: [], unread: [], end: null, over: false, defined: [] };
  const facts: readonly [string, unknown, readonly string[]][] = [
    [
      'while the VM runs with the disk',
      { at: 'running', vm, run, disks: [context.disk], homeIsSilent: false, defined: [] },
      [context.disk],
    ],
    [
      'while the VM runs without the disk',
      { at: 'running', vm, run, disks: [], homeIsSilent: false, defined: [] },
      [],
    ],
    ['while the VM was seen to end', { ...nowhere, end, over: true }, []],
    [
      'while the definition of the VM, which was seen to end, holds the disk',
      { ...nowhere, end, over: true, defined: [context.disk] },
      [],
    ],
    ['while no host shows the VM', nowhere, []],
    ['while a host does not answer', { ...nowhere, silent: ['a host does not answer'] }, []],
    ['while the VM is saved', { at: 'saved' }, []],
  ];
  return facts.map(([given, found, held]) => [given, { found, held, alarm: null, authority: 'frontend' }]);
};

const problem = { code: 'PLUG_REFUSED', detail: '' } as const;

const outcome = always<AttachmentFacts>(({ context }) => ({ attempt: context.attempt }));
const badOutcome = always<AttachmentFacts>(({ context }) => ({ attempt: context.attempt, problem }));
const bare = always<AttachmentFacts>(() => ({}));

/** For every event type, how such an event could arrive now. A type without an entry is a compile error. */
const kinds: Readonly<Record<AttachmentMessage['type'], ProbeKind<AttachmentFacts>>> = {
  HOTATTACH: always(({ context }) => context),
  ATTACH: always(({ context }) => context),
  ADOPT: always(({ context }) => context),
  HOTDETACH: { request: 'POST /api/hotdetach/:uuid', ...bare },
  DETACH: {
    request: 'POST /api/detach',
    givens,
  },
  PROMISE: {
    request: 'GET /api/disks/:uuid/libvirt',
    ...always(({ taken }) => ({ target: null, taken })),
  },
  PLUGGED: outcome,
  PLUG_REFUSED: badOutcome,
  PLUG_UNKNOWN: badOutcome,
  UNPLUGGED: outcome,
  KEPT: badOutcome,
  UNPLUG_FAILED: badOutcome,
  NOT_RUNNING: {
    givens: facts =>
      givens(facts).map(([given, fields]) => [
        given,
        { ...fields, attempt: facts.context.attempt, settled: true },
      ]),
  },
  DEVICE_GONE: always(() => ({ alarm: null, defined: false })),
  FOUND: { givens },
  LEFT: {
    givens: () => [
      ['saved', { seen: 'saved' }],
      ['migrated', { seen: 'migrated' }],
    ],
  },
  DIVERTED: always(() => ({ source: 'another path' })),
  NODE_DEAD: {
    givens: facts =>
      givens(facts).map(([given, fields]) => [given, { ...fields, node: facts.context.vm.node }]),
  },
  FORGET: bare,
  TIMEOUT: bare,
  RESUME: bare,
};

/** Every event that the attachment could get now. */
export const attachmentProbes = (facts: AttachmentFacts): Probe[] =>
  probesOf(kinds, facts, facts.context.disk);
