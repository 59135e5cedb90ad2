import type { DiskMessage } from '../../machines/disk-events.ts';
import type { DiskContext } from '../../machines/disk-parts.ts';
import type { Stamp } from '../../machines/stamp.ts';
import type { Vm } from '../../machines/vm.ts';
import type { Probe } from './explain-event.ts';
import { type Assumption, always, type ProbeKind, probesOf } from './probe-kinds.ts';

/** The facts that events sent now would carry. */
export interface DiskFacts {
  readonly context: DiskContext;
  /** What the pool can still promise, in GiB. */
  readonly roomGiB: number;
  /** What is left of the owner's quota. */
  readonly quotaLeft: { readonly disks: number; readonly sizeGiB: number };
  /** Whether a deleted volume is wiped. */
  readonly wipe: boolean;
  /** The VMs that use the disk, by attachment id. */
  readonly vms: ReadonlyMap<string, Vm>;
  /** Whether an attachment of the disk is in progress. */
  readonly attaching: boolean;
  readonly stamp: Stamp;
}

const problem = { code: 'VOLUME_FAILED', detail: '' } as const;
const nameOf = (vm: Vm): string => `VM ${vm.names[0]} on ${vm.host}`;

const elsewhere: Vm = { host: '', node: '', names: [''], domain: '' };

const outcome = always<DiskFacts>(({ context }) => ({ attempt: context.attempt }));
const badOutcome = always<DiskFacts>(({ context }) => ({ attempt: context.attempt, problem }));

/** One assumption for each VM that uses the disk. */
const perUser = (
  { context, vms }: DiskFacts,
  given: (name: string, attachment: string) => readonly [string, object],
): Assumption[] =>
  context.users.flatMap(({ attachment }): Assumption[] => {
    const vm = vms.get(attachment);
    return vm ? [[...given(nameOf(vm), attachment), vm]] : [];
  });

/** The assumptions of an attach: a VM that does not use the disk yet, and each VM that does. */
const attachings = (facts: DiskFacts): Assumption[] => {
  const birth = { id: '', disk: facts.context.uuid, node: '', vmId: '', by: '', vm: elsewhere };
  const fields = { ...birth, attachments: [], taken: [], isThere: false, holder: null, nodeIsDead: false };
  return [
    ['for another VM', fields],
    ...perUser(facts, (name, id) => [`for ${name} again`, { ...fields, attachments: [id] }]),
  ];
};

/** For every event type, how such an event could arrive now. A type without an entry is a compile error. */
const kinds: Readonly<Record<DiskMessage['type'], ProbeKind<DiskFacts>>> = {
  CREATE: { request: 'POST /api/create', ...always(({ context, ...facts }) => ({ ...context, ...facts })) },
  ADOPT: {
    request: 'POST /api/leftovers/:uuid/adopt',
    ...always(({ context }) => ({ ...context, obstacle: null })),
  },
  DISCARD: {
    request: 'POST /api/leftovers/:uuid/remove',
    ...always(({ context, wipe }) => ({ ...context, wipe, holders: [], unseen: [], obstacle: null })),
  },
  HOTATTACH: { request: 'POST /api/hotattach/:uuid', givens: attachings },
  ATTACH: { request: 'POST /api/attach/:uuid', givens: attachings },
  RESIZE: {
    request: 'POST /api/resize/:uuid',
    givens: ({ context, roomGiB, quotaLeft, attaching }) => {
      const room = { roomGiB, quotaGiB: quotaLeft.sizeGiB, attaching };
      return [['by 1 GiB', { sizeGiB: context.sizeGiB + 1, ...room }]];
    },
  },
  SET_LIMIT: {
    request: 'PUT /api/disks/:uuid/limit',
    ...always(({ context }) => ({ limit: context.limit })),
  },
  EDIT: {
    request: 'PATCH /api/disks/:uuid',
    ...always(({ context }) => ({ tag: `${context.tag}+`, stale: false })),
  },
  ADOPT_USER: {
    givens: ({ context }) => [
      ['with a VM that has it', { id: '', disk: context.uuid, vm: elsewhere, attachments: [], target: '' }],
    ],
  },
  DELETE: { request: 'DELETE /api/disks/:uuid', ...always(({ wipe }) => ({ wipe, holder: null })) },
  RETRY: { request: 'POST /api/retry/:uuid', ...always(() => ({})) },
  VOLUME_CREATED: outcome,
  VOLUME_FAILED: badOutcome,
  NOT_BEGUN: badOutcome,
  RELEASED: {
    givens: facts => perUser(facts, (name, attachment) => [`by ${name}`, { attachment }]),
  },
  MOVED: {
    givens: facts => perUser(facts, (name, attachment) => [`of ${name}`, { attachment }]),
  },
  RESIZED: outcome,
  NOT_RESIZED: badOutcome,
  RESIZE_PENDING: badOutcome,
  WIPED: {
    givens: ({ context }) => {
      const { attempt, wiped } = context;
      const of = wiped?.of ?? 0;
      return [
        ['of a piece', { attempt, bytes: 0, of: of + 1 }],
        ['of all of it', { attempt, bytes: of, of }],
      ];
    },
  },
  WIPE_FAILED: badOutcome,
  VOLUME_DELETED: outcome,
  REMOVE_FAILED: badOutcome,
  TIMEOUT: always(() => ({})),
  RESUME: always(() => ({})),
};

/** Every event that the disk could get now. */
export const diskProbes = (facts: DiskFacts): Probe[] => probesOf(kinds, facts, facts.context.uuid);
