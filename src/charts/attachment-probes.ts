import type { AttachmentMessage } from '../../machines/attachment-events.ts';
import type { AttachmentContext } from '../../machines/attachment-parts.ts';
import type { Stamp } from '../../machines/stamp.ts';
import type { Probe } from './ask.ts';
import { always, type Kind, probesOf } from './kinds.ts';

/** What the events of the moment would carry. */
export interface AttachmentFacts {
  readonly context: AttachmentContext;
  /** The targets that the machine's other disks have. */
  readonly taken: readonly string[];
  readonly stamp: Stamp;
}

const problem = { code: 'PLUG_REFUSED', detail: '' } as const;

const outcome = always<AttachmentFacts>(({ context }) => ({ attempt: context.attempt }));
const badOutcome = always<AttachmentFacts>(({ context }) => ({ attempt: context.attempt, problem }));
const bare = always<AttachmentFacts>(() => ({}));

/** An event of every type as it could come now; it does not compile while a type has none. */
const kinds: Readonly<Record<AttachmentMessage['type'], Kind<AttachmentFacts>>> = {
  HOTATTACH: always(({ context }) => context),
  ATTACH: always(({ context }) => context),
  HOTDETACH: { request: 'POST /api/hotdetach/:uuid', ...bare },
  DETACH: {
    request: 'POST /api/detach',
    givens: ({ context }) => [
      ['while the machine is dead', { machine: 'gone', held: [] }],
      ['while the machine runs with the disk', { machine: 'running', held: [context.disk] }],
      ['while its node does not answer', { machine: 'unknown', held: [] }],
    ],
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
  DEVICE_GONE: bare,
  MACHINE_DEAD: bare,
  MACHINE_AWAY: bare,
  MOVED: always(({ context }) => ({ vm: context.vm })),
  FORGET: bare,
  TIMEOUT: bare,
  RESUME: bare,
};

/** Every event that an attachment could be sent now. */
export const attachmentProbes = (facts: AttachmentFacts): Probe[] =>
  probesOf(kinds, facts, facts.context.disk);
