import { z } from 'zod';
import { attachmentMachine } from '../../machines/attachment.ts';
import type { AttachmentContext } from '../../machines/attachment-parts.ts';
import { diskMachine } from '../../machines/disk.ts';
import type { DiskContext } from '../../machines/disk-parts.ts';
import type { ChangeType } from '../../machines/notes.ts';
import type { Vm } from '../../machines/vm.ts';
import { storedStates } from '../charts/states.ts';
import { prefixes } from './keys.ts';
import { type OldRecord, recordKind, withContext } from './record-kind.ts';

// A renamed state or field needs a new version and a migration here: one line more in the list of its kind. The
// context of an actor is nested in its record, so that none of its fields can be mistaken for `state`.

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
  v: z.literal(2),
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
    grownFrom: z.int().positive().nullable(),
    failures: z.int().nonnegative(),
    repeatable: z.boolean(),
    wiped: z.object({ bytes: z.int(), of: z.int() }).nullable(),
  } satisfies Fields<DiskContext>),
});

/** Version 1 did not always have what resizing, retrying and wiping need: pdisk learned them one by one. */
const diskMigrations = [
  withContext(context => ({ grownFrom: null, failures: 0, repeatable: false, wiped: null, ...context })),
];

const attachmentRecord = z.object({
  v: z.literal(3),
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
    atWork: vm.pick({ host: true, node: true }).nullable(),
    run: z.object({ host: z.string(), id: z.int() }).nullable(),
    seen: z.enum(['running', 'switching', 'saved', 'managed-save', 'migrated', 'ended']),
    doubt: z.object({ code: z.literal('VM_FATE_UNKNOWN'), detail: z.string(), since: z.number() }).nullable(),
    diverted: z.string().nullable(),
  } satisfies Fields<AttachmentContext>),
});

const attachmentMigrations = [
  /** Version 1 stored only whether a VM was away, not how it had left its node. */
  withContext(({ away }) => ({
    away: undefined,
    run: null,
    seen: away === true ? 'saved' : 'running',
    doubt: null,
    diverted: null,
  })),
  /**
   * Version 2 did not always say where libvirt may still be at work on a plug that is being undone: it is the
   * location of the VM.
   */
  withContext(({ undo, vm, atWork = undo === true ? vm : null }) => ({ atWork })),
];

/** A volume without a disk, and when it was first seen, in milliseconds since 1970. */
const leftoverRecord = z.object({ v: z.literal(1), uuid: z.string(), since: z.number() });

/** The host that answered under a node's name; `dead`: who declared the node dead, if somebody has. */
const nodeRecord = z.object({
  v: z.literal(2),
  name: z.string(),
  hostUuid: z.string(),
  dead: z.object({ by: z.string(), reason: z.string(), since: z.number() }).nullable(),
});

/** Version 1 did not always say whether somebody had declared the node dead. */
const nodeMigrations = [(old: OldRecord): OldRecord => ({ dead: null, ...old })];

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

/** An entry of the audit: a request that changed something, or tried to, or a login. */
const auditRecord = z.object({
  v: z.literal(1),
  sequence: z.int().positive(),
  /** When it was decided or refused, in milliseconds since 1970; of several, the last. */
  time: z.number(),
  /** When the first was, where the entry stands for several. */
  first: z.number(),
  /** For how many requests the entry stands. */
  count: z.int().positive(),
  request: z.string().nullable(),
  /** The account that asked; null: it is not known. */
  account: z.string().nullable(),
  accountId,
  /** The name that a failed login gave. */
  attempted: z.string().nullable(),
  /** The network address of the client. */
  client: z.string().nullable(),
  /** The id of the operation in the OpenAPI document, or `login`. */
  operation: z.string(),
  disks: z.array(z.string()),
  node: z.string().nullable(),
  vmId: z.string().nullable(),
  /** The account and the token that the request is about. */
  subject: z.string().nullable(),
  token: z.string().nullable(),
  /** The HTTP status; null: it was accepted, and the process ended before its result was known. */
  status: z.int().nullable(),
  /** The error code; null: there is none. */
  code: z.string().nullable(),
  /** A repetition that got the first answer of its Idempotency-Key. */
  repeated: z.boolean(),
});

export type CauseKind = keyof typeof causeKinds;
export type LeftoverRecord = z.infer<typeof leftoverRecord>;
export type NodeRecord = z.infer<typeof nodeRecord>;
export type EventRecord = z.infer<typeof eventRecord>;
export type AuditRecord = z.infer<typeof auditRecord>;

/** The kinds of records that the disks, their VMs and the event log consist of. */
export const kinds = {
  disk: recordKind('disk', prefixes.disk, diskRecord, diskMigrations),
  attachment: recordKind('attachment', prefixes.attachment, attachmentRecord, attachmentMigrations),
  node: recordKind('node', prefixes.node, nodeRecord, nodeMigrations),
  leftover: recordKind('leftover', prefixes.leftover, leftoverRecord),
  event: recordKind('event', prefixes.event, eventRecord),
  audit: recordKind('audit entry', prefixes.audit, auditRecord),
};
