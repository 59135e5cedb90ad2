import { z } from 'zod';
import { attachmentMachine } from '../../machines/attachment.ts';
import type { AttachmentContext } from '../../machines/attachment-parts.ts';
import { diskMachine } from '../../machines/disk.ts';
import type { DiskContext } from '../../machines/disk-parts.ts';
import type { ChangeType } from '../../machines/notes.ts';
import type { Vm } from '../../machines/vm.ts';
import { storedStates } from '../charts/states.ts';

/**
 * The schemas of the stored disks and attachments: JSON with a version `v` of its own. XState's snapshots are
 * not stored, because their shape belongs to the library. `context` is nested so that none of its fields can
 * be mistaken for `state`. A renamed state or field needs a new `v` and a migration here.
 */
const vm = z.object({
  host: z.string(),
  node: z.string(),
  names: z.array(z.string()),
  domain: z.string().nullable(),
} satisfies Fields<Vm>);

/** A schema for each field: a context of a chart with a field that has no schema here does not compile. */
type Fields<Stored> = Readonly<Record<keyof Stored, z.ZodType>>;

/**
 * The id of the account whose name is stored beside it: the name may be used again by a new account. Accounts
 * of versions before there were ids have none.
 */
const accountId = z.string().optional();

const diskRecord = z.object({
  v: z.literal(1),
  state: z.enum(storedStates(diskMachine)),
  context: z.object({
    uuid: z.uuid(),
    owner: z.string(),
    ownerId: accountId,
    tag: z.string(),
    visibility: z.enum(['private', 'public']),
    sizeGiB: z.int().positive(),
    limit: z.int().positive(),
    created: z.number(),
    users: z.array(z.object({ attachment: z.string(), mode: z.enum(['hot', 'cold']) })),
    attempt: z.int(),
    deadline: z.number().nullable(),
    undo: z.object({ code: z.string(), detail: z.string() }).nullable(),
    grownFrom: z.int().positive().nullable().default(null),
    failures: z.int().nonnegative().default(0),
    repeatable: z.boolean().default(false),
    wiped: z.object({ bytes: z.int(), of: z.int() }).nullable().default(null),
  } satisfies Fields<DiskContext>),
});

/**
 * Older records of a plug that is being undone do not say where libvirt may still be at work on it: it is the
 * location of the VM.
 */
function withPlug(record: unknown): unknown {
  const old = record as { context?: { undo?: unknown; atWork?: unknown; vm?: unknown } } | null;
  if (old?.context?.undo !== true || old.context.atWork !== undefined) return record;
  return { ...old, context: { ...old.context, atWork: old.context.vm } };
}

/** Version 1 stored only whether a VM was away, not how it had left its node. */
function upgradeAttachment(record: unknown): unknown {
  const old = record as { v?: unknown; context?: { away?: unknown } } | null;
  if (old?.v !== 1) return record;
  const { away, ...context } = old.context ?? {};
  const seen = away === true ? 'saved' : 'running';
  return { ...old, v: 2, context: { ...context, run: null, seen, doubt: null, diverted: null } };
}

const attachmentFields = z.object({
  v: z.literal(2),
  state: z.enum(storedStates(attachmentMachine)),
  context: z.object({
    id: z.string(),
    disk: z.uuid(),
    node: z.string(),
    vmId: z.string(),
    vm,
    by: z.string(),
    byId: accountId,
    mode: z.enum(['hot', 'cold']),
    target: z.string().nullable(),
    shareable: z.boolean(),
    since: z.number(),
    attempt: z.int(),
    deadline: z.number().nullable(),
    undo: z.boolean(),
    atWork: vm.pick({ host: true, node: true }).nullable().default(null),
    run: z.object({ host: z.string(), id: z.int() }).nullable(),
    seen: z.enum(['running', 'switching', 'saved', 'managed-save', 'migrated', 'ended']),
    doubt: z.object({ code: z.literal('VM_FATE_UNKNOWN'), detail: z.string(), since: z.number() }).nullable(),
    diverted: z.string().nullable(),
  } satisfies Fields<AttachmentContext>),
});
const attachmentRecord = z.preprocess(record => withPlug(upgradeAttachment(record)), attachmentFields);

/** A volume without a disk, and when it was first seen, in milliseconds since 1970. */
const leftoverRecord = z.object({ v: z.literal(1), uuid: z.string(), since: z.number() });

/** The host that answered under a node's name; `dead`: who declared the node dead, if somebody has. */
const nodeRecord = z.object({
  v: z.literal(1),
  name: z.string(),
  hostUuid: z.string(),
  dead: z.object({ by: z.string(), reason: z.string(), since: z.number() }).nullable().default(null),
});

/**
 * Every type of event with its description. A type that the charts publish and that is missing here does not
 * compile.
 */
export const changeTypes: Readonly<Record<ChangeType, string>> = {
  'disk.created': 'The disk can be used.',
  'disk.adopted': 'A volume that belonged to no disk was made one by an administrator.',
  'disk.discarded': 'An administrator has a volume that belonged to no disk removed.',
  'disk.deleted': 'The disk is gone. Its volume is, too, or is wiped first.',
  'disk.failed': 'Its creation failed and could not be undone, which is tried again: retry or delete it.',
  'disk.create-failed': 'Its creation failed and was undone.',
  'disk.attached': 'The disk is on the VM; a cold one is registered for it.',
  'disk.attach-failed': 'The disk could not be plugged into the VM, or nobody knows yet whether it was.',
  'disk.detached': 'The disk is off the VM.',
  'disk.diverted': 'The VM writes to another path than the volume of the disk, or to the volume again.',
  'disk.machine-lost':
    'The VM that has the disk is not found, and whether it is gone is not known: a person has to say.',
  'disk.detach-failed': 'The VM did not let go of the disk, or nobody knows yet whether it did.',
  'disk.oversubscribed': 'A VM was registered beyond the limit of simultaneous users.',
  'disk.limit-changed': 'How many VMs may use the disk at once was changed.',
  'disk.resized': 'The disk is larger, and every VM that uses it knows.',
  'disk.resize-failed': 'The disk could not be made larger.',
  'disk.wiping': 'A piece of the volume of a deleted disk was wiped.',
  'disk.wiped': 'The volume of a deleted disk was wiped and removed.',
  'disk.state-changed': 'The disk or one of its attachments went from one state to another.',
  'disk.updated': 'Something else of the disk or of one of its attachments changed, and no state.',
};

/** Every kind of cause with its description. */
export const causeKinds = {
  request: 'A request asked for it.',
  timeout: 'A deadline passed.',
  restart: 'pdisk was started, and went on with what was interrupted.',
  'machine-stopped': 'The node told that the VM stopped.',
  'machine-away': 'The node told that the VM was saved to a file or has migrated.',
  'device-removed': 'The node told that the device is off the VM.',
  reconciliation: 'Records and VMs were compared.',
  'node-declared-dead': 'An administrator declared the node dead.',
} as const;

const keysOf = <Key extends string>(table: Readonly<Record<Key, string>>): Key[] =>
  Object.keys(table) as Key[];

/** An event in the log: all that is published about a change, as it was when the change was decided. */
const eventRecord = z.object({
  v: z.literal(1),
  sequence: z.int().positive(),
  /** Milliseconds since 1970. */
  time: z.number(),
  type: z.enum(keysOf(changeTypes)),
  /** UUID of the disk. */
  subject: z.string(),
  /** The disk after the change; null where an attachment outlived it. */
  disk: z
    .object({
      uuid: z.string(),
      owner: z.string(),
      ownerId: accountId,
      tag: z.string(),
      visibility: z.enum(['private', 'public']),
      sizeGiB: z.int(),
      /** Milliseconds since 1970. */
      created: z.number(),
      /** How many VMs use the disk. */
      users: z.int(),
      limit: z.int(),
    })
    .nullable(),
  /** The attachment after the change, if the change is one of an attachment. */
  attachment: z
    .object({
      id: z.string(),
      node: z.string(),
      vmId: z.string(),
      target: z.string().nullable(),
      mode: z.enum(['hot', 'cold']),
      by: z.string(),
      byId: accountId,
    })
    .nullable(),
  from: z.string().nullable(),
  to: z.string(),
  /**
   * The deadline of the operation in progress, in milliseconds since 1970; null where nothing is waited for.
   */
  deadline: z.number().nullable(),
  /** What went wrong; `detail` is the message of the libvirt, pool or other part that failed. */
  problem: z.object({ code: z.string(), detail: z.string() }).optional(),
  /** How much of a deleted disk's volume is wiped, in percent; null for other disks. */
  progress: z.int().nullable(),
  cause: z.object({
    kind: z.enum(keysOf(causeKinds)),
    request: z.string().optional(),
    account: z.string().optional(),
    accountId,
    /** The reason that an administrator gave when confirming something, such as the end of a VM. */
    reason: z.string().optional(),
  }),
});

export type CauseKind = keyof typeof causeKinds;
export type LeftoverRecord = z.infer<typeof leftoverRecord>;
export type NodeRecord = z.infer<typeof nodeRecord>;
export type EventRecord = z.infer<typeof eventRecord>;

/** The schema of every record that is stored, by kind. */
export const recordSchemas = {
  disk: diskRecord,
  attachment: attachmentRecord,
  node: nodeRecord,
  leftover: leftoverRecord,
  event: eventRecord,
};
