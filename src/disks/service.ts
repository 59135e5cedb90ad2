import { attachmentMachine } from '../../machines/attachment.ts';
import type { DiskBirth, Quota } from '../../machines/disk-events.ts';
import type { Caller } from '../accounts/caller.ts';
import type { EventFinding } from '../charts/explain-event.ts';
import type { Party } from '../charts/parties.ts';
import { storedStates } from '../charts/states.ts';
import type { Write } from '../store/group-commit.ts';
import { type CauseKind, type EventRecord, kinds } from '../store/records.ts';

/** Why a change happens, for the log and the events. */
export interface Cause {
  readonly kind: CauseKind;
  readonly request?: string;
  readonly account?: string;
  readonly accountId?: string | undefined;
  /** The reason that an administrator gave for confirming what cannot be proved. */
  readonly reason?: string;
  /** Returns what must be written in the same batch as the decision. */
  readonly alsoWrite?: (decided: Decided) => readonly Write[];
}

/** What a step has decided: enough to find out after a crash what became of it. */
export interface Decided {
  /** Key of the actor whose state shows the result: the attachment, if there is one, else the disk. */
  readonly subject: string;
  /** UUIDs of the disks concerned, in order of attachment. */
  readonly disks: string[];
  readonly target: string | null;
}

/** An administrator's confirmation of what cannot be proved. */
export interface Force {
  readonly reason: string;
}

/** What the owner chooses for a new disk; `sizeGiB` from 1 to 1024. */
type NewDisk = Pick<DiskBirth, 'sizeGiB' | 'tag' | 'visibility'>;

/** A VM as the caller named it, word for word. */
export interface VmName {
  readonly node: string;
  readonly vmId: string;
}

/** A disk as readers and events show it: committed, never ahead of the store. */
export type DiskView = Readonly<NonNullable<EventRecord['disk']>>;

/**
 * What a disk waits for: the pool (its volume), a node (to plug it), a guest (to release it), or a person (to
 * decide whether its VM is gone).
 */
export interface Waiting {
  readonly for: Party;
  /** Id of the attachment that waits; null: the disk itself waits. */
  readonly attachment: string | null;
  /** The deadline in milliseconds since 1970; null: there is none. */
  readonly until: number | null;
}

/** An attachment as readers see it. */
export interface AttachmentDetails {
  readonly id: string;
  readonly state: string;
  readonly mode: 'hot' | 'cold';
  /** Milliseconds since 1970. */
  readonly since: number;
  /** The VM was saved or has migrated, and has not been found yet. */
  readonly away: boolean;
  /**
   * Why it is not known whether the VM is gone, and since when, in milliseconds since 1970; null: it is
   * known, or the caller may not see it.
   */
  readonly doubt: { readonly detail: string; readonly since: number } | null;
  /**
   * The path that the VM writes to instead of the disk's volume; null: it writes to the volume, or the caller
   * may not see it.
   */
  readonly diverted: string | null;
  /** The account that attached the disk; null: the caller may not see it. */
  readonly by: string | null;
  /** The VM; null: the caller may not see it. `domain`: the domain's UUID, null before the launch. */
  readonly onVm: {
    readonly node: string;
    readonly vmId: string;
    readonly domain: string | null;
    readonly target: string | null;
  } | null;
}

/** All states in which an attachment can be listed. */
export const attachmentStates = storedStates(attachmentMachine);
type AttachmentState = (typeof attachmentStates)[number];

/** All states in which a disk can be listed, including those before and after its life. */
export const diskStates = kinds.disk.schema.shape.state.options;

/** The full view of a disk, also of one that is being created or deleted. */
export interface DiskDetails extends DiskView {
  readonly state: (typeof diskStates)[number];
  /** Why its creation failed; null: it did not. */
  readonly reason: { readonly code: string; readonly message: string } | null;
  /** In order of attachment. */
  readonly attachments: readonly AttachmentDetails[];
  readonly waiting: readonly Waiting[];
  /** How much of a deleted disk's volume is wiped, in percent; null: the disk is not deleted. */
  readonly wiped: number | null;
}

/**
 * Position of a disk in the list of all disks: by the time of its creation, in milliseconds since 1970, then
 * by its UUID.
 */
export interface Position {
  readonly created: number;
  readonly uuid: string;
}

/** Filters of a list of disks. An undefined filter matches every disk. */
export interface Choice {
  readonly tag?: string | undefined;
  readonly owner?: string | undefined;
  readonly state?: DiskDetails['state'] | undefined;
  readonly visibility?: 'private' | 'public' | undefined;
  /** Only disks that wait for this party, themselves or with one of their attachments. */
  readonly waiting?: Waiting['for'] | undefined;
  /** Only disks after this position. */
  readonly after?: Position | undefined;
  /** Length limit of the list. */
  readonly most?: number | undefined;
}

/**
 * A disk that can be used (`known`); an attachment whose disk is in the VM (`plugged`); either of them when
 * its users no longer have it (`gone`); or none of these (`other`).
 */
export type AtRest = 'known' | 'plugged' | 'gone' | 'other';

/** A disk of a VM. */
interface DiskOnVm {
  readonly disk: string;
  readonly attachment: AttachmentDetails;
}

/** The space of the pool, in GiB. */
interface PoolSpace {
  /** What can be promised to disks in all. */
  readonly capacityGiB: number;
  /** What is promised, including disks whose volume is being created, deleted or wiped. */
  readonly allocatedGiB: number;
  readonly freeGiB: number;
}

/**
 * The operations on disks, for the API. Every method checks the caller's rights, and throws or rejects with a
 * `PdiskError` whose codes its comment names. Every method that takes a `cause` may also reject with
 * STORE_FAILED (the change could not be written), STOPPING (pdisk is stopping; nothing was decided) and
 * INTERRUPTED (pdisk ends before the result of a decided change is known).
 *
 * DISK_UNKNOWN stands for a disk that does not exist and for one that the caller may not see.
 */
export interface DiskService {
  /** The disks that the caller sees, in order of creation. Throws nothing. */
  list(caller: Caller, choice?: Choice): readonly DiskView[];
  /**
   * All known disks in blocks, in order of creation; a block is the same array as long as no disk in it
   * changes. Undefined: the caller sees only some of the disks. Throws nothing.
   */
  blocks(caller: Caller): readonly (readonly DiskView[])[] | undefined;
  /** A disk that is available or in use. Throws DISK_UNKNOWN. */
  get(caller: Caller, uuid: string): DiskView;
  /**
   * As `list`, with full views, and with disks that are being created or deleted, for callers who may see
   * them. Throws nothing.
   */
  listDetails(caller: Caller, choice?: Choice): readonly DiskDetails[];
  /** The full view of one disk. Throws DISK_UNKNOWN. */
  getDetails(caller: Caller, uuid: string): DiskDetails;
  /**
   * The version of a disk: a string that changes whenever the disk or an attachment of it changes. Throws
   * DISK_UNKNOWN.
   */
  version(caller: Caller, uuid: string): string;
  /**
   * Creates a disk of the caller. Rejects with UNAUTHENTICATED (the account changed during the request),
   * QUOTA_EXCEEDED, NO_SPACE, POOL_FULL, POOL_BUSY, POOL_UNAVAILABLE, VOLUME_FAILED, CREATE_TIMEOUT, and with
   * CREATE_NOT_UNDONE if the failed creation left something in the pool.
   */
  create(caller: Caller, disk: NewDisk, cause: Cause): Promise<{ readonly uuid: string }>;
  /**
   * Makes a disk larger, also while VMs use it: they are told. `sizeGiB` is the new size. For owners and
   * administrators. Rejects with DISK_UNKNOWN, FORBIDDEN, NOT_LARGER, DISK_BUSY, QUOTA_EXCEEDED, NO_SPACE,
   * POOL_FULL, POOL_BUSY, POOL_UNAVAILABLE, GROW_FAILED, GROW_TIMEOUT.
   */
  resize(caller: Caller, uuid: string, sizeGiB: number, cause: Cause): Promise<void>;
  /**
   * Changes tag and visibility. `versions`: only if the disk still has one of these versions; undefined:
   * always. For owners and administrators. Rejects with DISK_UNKNOWN, FORBIDDEN, DISK_CHANGED.
   */
  edit(
    caller: Caller,
    uuid: string,
    change: { readonly tag?: string | undefined; readonly visibility?: 'private' | 'public' | undefined },
    cause: Cause,
    versions?: readonly string[],
  ): Promise<void>;
  /**
   * Deletes a disk that no VM uses, or one whose creation failed. Where the pool wipes volumes, the volume is
   * overwritten and removed later. `versions` as in `edit`. For owners and administrators. Rejects with
   * DISK_UNKNOWN, FORBIDDEN, DISK_CHANGED, DISK_IN_USE, DISK_BUSY, POOL_UNAVAILABLE, REMOVE_FAILED,
   * REMOVE_TIMEOUT.
   */
  delete(caller: Caller, uuid: string, cause: Cause, versions?: readonly string[]): Promise<void>;
  /**
   * Sets how many VMs may use a disk at once, while no VM uses it. For administrators. Rejects with
   * DISK_UNKNOWN, FORBIDDEN, DISK_IN_USE, DISK_BUSY.
   */
  setLimit(caller: Caller, uuid: string, limit: number, cause: Cause): Promise<void>;
  /**
   * Retries a creation that failed and could not be undone. For owners and administrators. Rejects with
   * DISK_UNKNOWN, FORBIDDEN, DISK_NOT_FAILED, VOLUME_FAILED, POOL_FULL, POOL_BUSY, POOL_UNAVAILABLE,
   * CREATE_TIMEOUT, CREATE_NOT_UNDONE.
   */
  retry(caller: Caller, uuid: string, cause: Cause): Promise<void>;
  /**
   * Plugs a disk into a running VM. `uuids`: all disks of the VM, in order of attachment. Rejects with
   * - before anything is asked of libvirt: DISK_UNKNOWN, FORBIDDEN, UNAUTHENTICATED (the account changed
   *   during the request), NODE_NOT_CONFIGURED, NODE_UNREACHABLE, VM_UNKNOWN, VM_NOT_RUNNING, VM_AMBIGUOUS,
   *   VM_MIGRATING, ALREADY_ATTACHED, DISK_IN_USE, DISK_BUSY, LIMIT_REACHED, NO_FREE_TARGET,
   *   NODE_DECLARED_DEAD;
   * - for a plug that failed: VM_UNKNOWN, VM_NOT_RUNNING, VM_STOPPED, NODE_DECLARED_DEAD, NO_PCI_SLOT,
   *   IMAGE_LOCKED, TARGET_TAKEN, PLUG_REFUSED;
   * - for a plug whose result is not known, and which is being undone: PLUG_UNKNOWN.
   */
  hotattach(
    caller: Caller,
    uuid: string,
    vm: VmName,
    cause: Cause,
  ): Promise<{ target: string; uuids: readonly string[] }>;
  /**
   * Unplugs a disk from a running VM. `uuids`: the remaining disks of the VM. `force`: an administrator
   * confirms that the VM is gone; `vouched` is then the confirmed sentence. Rejects with
   * - when nothing was asked of libvirt: DISK_UNKNOWN, ATTACHMENT_UNKNOWN, FORBIDDEN, NOT_HOT_PLUGGED,
   *   ATTACH_IN_PROGRESS, VM_RUNNING (only with `force`);
   * - when the disk stays attached: NODE_UNREACHABLE, NODE_DOUBTED, GUEST_KEPT_DISK, DISK_DIVERTED,
   *   BLOCK_JOB, DEFINITION_KEEPS_DISK, UNPLUG_REFUSED, UNPLUG_UNKNOWN.
   */
  hotdetach(
    caller: Caller,
    uuid: string,
    vm: VmName,
    cause: Cause,
    force?: Force,
  ): Promise<{ target: string; uuids: readonly string[]; vouched?: string }>;
  /**
   * Registers a VM that is yet to be launched with the disk: records a fact and asks no node. `uuids`: all
   * disks of the VM, in order of attachment. Rejects with DISK_UNKNOWN, FORBIDDEN, HOT_PLUGGED,
   * TOO_MANY_USERS, TOO_MANY_ON_VM.
   */
  attach(caller: Caller, uuid: string, vm: VmName, cause: Cause): Promise<{ uuids: readonly string[] }>;
  /**
   * Releases all disks of a VM that was killed: all of them or none. `uuids`: the released disks. `force` and
   * `vouched` as in `hotdetach`. Rejects with FORBIDDEN, VM_HAS_NO_DISKS, VM_RUNNING, VM_FATE_UNKNOWN,
   * ATTACH_IN_PROGRESS, ATTACHMENT_UNKNOWN.
   */
  detach(
    caller: Caller,
    vm: VmName,
    cause: Cause,
    force?: Force,
  ): Promise<{ uuids: readonly string[]; vouched?: string }>;
  /**
   * The libvirt `<disk>` element of a cold attachment. `target`: the target to reserve; undefined: the first
   * free one from `vdb` on. Rejects with DISK_UNKNOWN, FORBIDDEN, ATTACHMENT_UNKNOWN, HOT_PLUGGED,
   * TARGET_TAKEN, NO_FREE_TARGET.
   */
  element(
    caller: Caller,
    uuid: string,
    vm: VmName,
    target: string | undefined,
    cause: Cause,
  ): Promise<string>;
  /**
   * What became of a disk or an attachment, by its actor's key, as soon as it waits for nothing. Rejects with
   * KEY_PENDING after 60 s.
   */
  atRest(key: string): Promise<AtRest>;
  /** UUIDs of all disks of a VM, in order of attachment. Throws nothing. */
  disksOn(vm: VmName): readonly string[];
  /** The disks of a VM that the caller sees, in order of attachment. Throws nothing. */
  onVm(caller: Caller, vm: VmName): readonly DiskOnVm[];
  /** The attachments whose VM and account the caller may see, oldest first. Throws nothing. */
  attachments(caller: Caller, choice: AttachmentChoice): readonly ListedAttachment[];
  /** The space of the pool. Rejects with POOL_UNAVAILABLE. */
  space(): Promise<PoolSpace>;
  /**
   * The number and size of an account's disks in every state, but without deleted disks that are still being
   * wiped. Throws nothing.
   */
  ownedBy(account: string): Quota;
  /** The quota of an account; infinite where it has none. Throws nothing. */
  quotaOf(account: string): Quota;
}

/** A node, as pdisk knows it. */
export interface NodeView {
  /** The first of `names`. */
  readonly node: string;
  readonly names: readonly string[];
  readonly reachable: boolean;
  /** Since when it is reachable or unreachable, in milliseconds since 1970. */
  readonly since: number;
  /** As reported when it was last reachable; null: it never was. */
  readonly versions: { readonly libvirt: string; readonly qemu: string } | null;
  /** Null: the caller is neither the frontend nor an administrator. */
  readonly operation: {
    readonly uri: string;
    /** Why the node cannot be reached; null: it can. */
    readonly error: string | null;
    /** Why nothing is released on this node; null: no alarm. */
    readonly alarm: string | null;
    /** Who declared it dead, why and when, in milliseconds since 1970; null: it is not declared dead. */
    readonly declaredDead: { readonly by: string; readonly reason: string; readonly since: number } | null;
  } | null;
}

/** The operations on nodes, for the API. A failed write rejects with the store's own error. */
export interface NodeService {
  /** The nodes that the configuration names, and linked nodes that match its wildcard. Throws nothing. */
  list(caller: Caller): readonly NodeView[];
  /**
   * Ends a node's alarm: the administrator confirms that the host that answers is the right one, or that the
   * VMs that it does not show are gone. Resolves with the text of the alarm. `also` returns what must be
   * written in the same batch. Rejects with FORBIDDEN, NODE_NOT_CONFIGURED, NO_ALARM.
   */
  agree(
    caller: Caller,
    node: string,
    also?: (outcome: { readonly alarm: string }) => readonly Write[],
  ): Promise<{ readonly alarm: string }>;
  /**
   * An administrator declares that a node is gone for good, with all its VMs: what is attached there is
   * released. Resolves with the UUIDs of those disks. `also` as in `agree`. Rejects with FORBIDDEN,
   * NODE_UNKNOWN, NODE_ALIVE (also if the node comes back meanwhile).
   */
  declareDead(
    caller: Caller,
    node: string,
    reason: string,
    also?: (outcome: { readonly released: readonly string[] }) => readonly Write[],
  ): Promise<{ readonly released: readonly string[] }>;
  /**
   * Revokes the declaration that a node is dead. `also` as in `agree`. Rejects with FORBIDDEN, NODE_UNKNOWN,
   * NODE_NOT_DECLARED_DEAD, NODE_NOT_CONFIGURED, NODE_UNREACHABLE, NODE_DOUBTED, NODE_STILL_HOLDS.
   */
  declareAlive(caller: Caller, node: string, also?: () => readonly Write[]): Promise<void>;
}

/** What a chart would do with an event now, with the sentence of the error if it refused a request. */
export type Explained = EventFinding & { readonly message: string | null };

/** The state of a disk or an attachment in its chart, as readers see it. */
export interface ChartPlace {
  readonly state: string;
  /** Deadline of the present wait, in milliseconds since 1970; null: the chart waits for nothing. */
  readonly deadline: number | null;
  /** Which events could arrive now, and what the chart would do with each. */
  readonly events: readonly Explained[];
  /** The stored record; null: the caller may not see it. */
  readonly record: object | null;
}

interface DiskPlace extends ChartPlace {
  readonly disk: DiskView;
  readonly attachments: readonly AttachmentPlace[];
}

/** The state of an attachment in its chart, as readers see it. */
export interface AttachmentPlace extends ChartPlace {
  readonly id: string;
  readonly mode: 'hot' | 'cold';
  /** Milliseconds since 1970. */
  readonly since: number;
  /** The VM; null: the caller may not see it. */
  readonly onVm: { readonly node: string; readonly vmId: string; readonly target: string | null } | null;
}

/** The charts at work, for the API. */
export interface ChartService {
  /** The chart states of a disk and its attachments. Rejects with DISK_UNKNOWN. */
  place(caller: Caller, uuid: string): Promise<DiskPlace>;
  /**
   * How many of the disks that the caller sees, and of their attachments, are in each state. Throws nothing.
   */
  counts(caller: Caller): Readonly<Record<'disk' | 'attachment', ReadonlyMap<string, number>>>;
}

/** Why a disk or an attachment waits, as its chart says. */
export interface WhyWaiting {
  readonly for: Party;
  /** Id of the attachment that waits; null: the disk itself waits. */
  readonly attachment: string | null;
  /**
   * Since when, in milliseconds since 1970; for a wait that began before the last restart of pdisk, the time
   * of the restart. Null: not known.
   */
  readonly since: number | null;
  /** The deadline in milliseconds since 1970; null: there is none. */
  readonly until: number | null;
  /** The messages that could end the wait, each with what it means. */
  readonly next: readonly { readonly event: string; readonly means: string }[];
  /** The state to which the deadline leads, and what that means; null: there is no deadline. */
  readonly afterwards: { readonly state: string; readonly means: string } | null;
}

/** Who may send a request: the owner of the disk, the account that attached it, or a role. */
export type WayParty = 'owner' | 'account' | 'service' | 'admin';

/** What would free a disk, or bring it on. */
export interface Way {
  /** Id of the attachment that it is about; null: the disk itself. */
  readonly attachment: string | null;
  /** Method and path; null: no request is needed, or the caller may not send it. */
  readonly request: string | null;
  readonly inputs: Readonly<Record<string, string>> | null;
  readonly by: readonly WayParty[];
  /** Whether the caller may take it. */
  readonly allowed: boolean;
  /** The condition; null: none. */
  readonly when: string | null;
  /** Whether it frees the disk at once; else it is a beginning. */
  readonly frees: boolean;
  /** The state to which it leads. */
  readonly leadsTo: string;
  readonly sentence: string;
}

/** An attachment, with what it does as sentences. */
export interface WhyAttachment extends AttachmentDetails {
  readonly sentences: readonly string[];
}

/** What a disk is doing, what it waits for, who holds it, and what would free it. */
export interface DiskWhy {
  readonly uuid: string;
  readonly state: DiskDetails['state'];
  readonly waiting: readonly WhyWaiting[];
  /** The longest, oldest first; `others` is the number of those that are left out. */
  readonly attachments: readonly WhyAttachment[];
  readonly others: number;
  /** The live domains that were last seen with the disk; null: the caller may not see them. */
  readonly holders:
    | readonly {
        readonly node: string;
        readonly vm: string;
        readonly domain: string;
        readonly target: string;
      }[]
    | null;
  readonly ways: readonly Way[];
  readonly sentences: readonly string[];
}

/** An attachment that waits for a node. */
export interface WaitingOnNode {
  readonly disk: string;
  readonly attachment: AttachmentDetails;
  readonly waiting: Omit<WhyWaiting, 'next' | 'afterwards'>;
}

/** What is known of a node, what waits for it, and what an administrator can do. */
export interface NodeWhy {
  readonly node: string;
  readonly names: readonly string[];
  readonly reachable: boolean;
  /** Milliseconds since 1970; null: it was never linked. */
  readonly since: number | null;
  /** Null: the caller is neither the frontend nor an administrator. */
  readonly operation: {
    readonly error: string | null;
    readonly alarm: string | null;
    readonly declaredDead: { readonly by: string; readonly reason: string; readonly since: number } | null;
  } | null;
  /** How many attachments that the caller may see are there. */
  readonly attachments: number;
  /** Oldest first; `others` is the number of those that are left out. */
  readonly waiting: readonly WaitingOnNode[];
  readonly others: number;
  readonly ways: readonly Way[];
  readonly sentences: readonly string[];
}

/** Explains disks and nodes in sentences, from charts, records and what is known of hosts. */
export interface ExplainService {
  /** For those who may see the disk in its chart. Throws DISK_UNKNOWN. */
  disk(caller: Caller, uuid: string): DiskWhy;
  /** Throws NODE_UNKNOWN. */
  node(caller: Caller, node: string): NodeWhy;
}

/** Filters of a list of attachments. An undefined filter matches every attachment. */
export interface AttachmentChoice {
  readonly state?: AttachmentState | undefined;
  /** Only attachments that wait for this party. */
  readonly waiting?: Party | undefined;
  /** Only attachments to VMs of this node. */
  readonly node?: string | undefined;
  readonly after?: AttachmentPosition | undefined;
  /** Length limit of the list. */
  readonly most: number;
}

/** Position of an attachment in the list of all: by its time, in milliseconds since 1970, then by its id. */
export interface AttachmentPosition {
  readonly since: number;
  readonly id: string;
}

/** An attachment in the list of all. */
export interface ListedAttachment {
  readonly disk: string;
  readonly attachment: AttachmentDetails;
  readonly waiting: {
    readonly for: Party;
    readonly since: number | null;
    readonly until: number | null;
  } | null;
}
