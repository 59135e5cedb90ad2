import type { DiskBirth, Quota } from '../../machines/disk-events.ts';
import type { Caller } from '../accounts/caller.ts';
import type { EventFinding } from '../charts/explain-event.ts';
import type { Write } from '../store/group-commit.ts';
import { type CauseKind, type EventRecord, recordSchemas } from '../store/records.ts';

/** Why something happens, for the log and the events. */
export interface Cause {
  readonly kind: CauseKind;
  readonly request?: string;
  readonly account?: string;
  readonly accountId?: string | undefined;
  /** What an administrator gave as the reason where he vouched for something that cannot be proved. */
  readonly reason?: string;
  /** What must be on disk in the same batch as the decision. */
  readonly alsoWrite?: (decided: Decided) => readonly Write[];
}

/** What a step has decided, as far as it tells what became of it after a crash. */
export interface Decided {
  /** Key of the actor that tells: the attachment's, if there is one, else the disk's. */
  readonly subject: string;
  /** The disks that it is about, in order of attachment. */
  readonly disks: string[];
  readonly target: string | null;
}

/** An administrator's word for what cannot be proved. */
export interface Force {
  readonly reason: string;
}

/** What its owner says of a disk that is to be; `sizeGiB` from 1 to 1024. */
type NewDisk = Pick<DiskBirth, 'sizeGiB' | 'tag' | 'visibility'>;

/** A machine as a caller names it, word for word. */
export interface VmName {
  readonly node: string;
  readonly vmId: string;
}

/** A disk as readers see it, and as events tell of it: committed, never ahead of the store. */
export type DiskView = Readonly<NonNullable<EventRecord['disk']>>;

/** What a disk waits for: the pool, for its volume; a node, to plug it; a guest, to let go of it; a person, to say that its machine is gone. */
export interface Waiting {
  readonly for: 'pool' | 'node' | 'guest' | 'person';
  /** Id of the attachment that waits; null: the disk itself. */
  readonly attachment: string | null;
  /** Milliseconds since 1970; null: for as long as it takes. */
  readonly until: number | null;
}

export interface AttachmentDetails {
  readonly id: string;
  readonly state: string;
  readonly mode: 'hot' | 'cold';
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Its machine has been saved to a file or has migrated, and nobody has found it yet. */
  readonly away: boolean;
  /** Why it is not known whether its machine is gone, and since when; null where that is known. */
  readonly doubt: { readonly detail: string; readonly since: number } | null;
  /** The path that the machine writes to instead of the disk's volume; null where it writes to that, and to those who may not know. */
  readonly diverted: string | null;
  /** The account that asked for it; null to those who may not know. */
  readonly by: string | null;
  /** Null to those who may not know. `domain`: its UUID, null before the launch. */
  readonly machine: {
    readonly node: string;
    readonly vmId: string;
    readonly domain: string | null;
    readonly target: string | null;
  } | null;
}

/** The states in which a disk may be seen, those before and after its life included. */
export const diskStates = recordSchemas.disk.shape.state.options;

/** All that there is to say of a disk, one that is being made or removed included. */
export interface DiskDetails extends DiskView {
  readonly state: (typeof diskStates)[number];
  /** Why its creation failed. */
  readonly reason: { readonly code: string; readonly message: string } | null;
  /** In order of attachment. */
  readonly attachments: readonly AttachmentDetails[];
  readonly waiting: readonly Waiting[];
  /** How much of a deleted disk's volume is wiped, in percent; null for other disks. */
  readonly wiped: number | null;
}

/** Where a disk stands in the order of all: by the time of its creation, in milliseconds since 1970, then by its UUID. */
export interface Position {
  readonly created: number;
  readonly uuid: string;
}

/** Which disks to list; what is undefined does not choose. */
export interface Choice {
  readonly tag?: string | undefined;
  readonly owner?: string | undefined;
  readonly state?: DiskDetails['state'] | undefined;
  readonly visibility?: 'private' | 'public' | undefined;
  /** Only disks that wait for it, themselves or one of their attachments. */
  readonly waiting?: Waiting['for'] | undefined;
  /** Only disks after this position. */
  readonly after?: Position | undefined;
  /** At most so many. */
  readonly most?: number | undefined;
}

/** A disk that may be used (`known`) or an attachment whose disk is `plugged`; `gone` for its users; or none of these. */
export type AtRest = 'known' | 'plugged' | 'gone' | 'other';

/** A disk on a machine. */
interface DiskOnMachine {
  readonly disk: string;
  readonly attachment: AttachmentDetails;
}

/** In GiB. */
interface PoolSpace {
  /** What may be promised to disks in all. */
  readonly capacityGiB: number;
  /** What has been promised, also to disks whose volume is being made, removed or wiped. */
  readonly allocatedGiB: number;
  readonly freeGiB: number;
}

/** What the API may ask for. Every method checks the caller's rights and throws `PdiskError`s. */
export interface DiskService {
  /** In order of creation. */
  list(caller: Caller, choice?: Choice): readonly DiskView[];
  /** All of them, block by block; a block is the same array as long as nothing in it has changed. Undefined to those who see only some. */
  blocks(caller: Caller): readonly (readonly DiskView[])[] | undefined;
  get(caller: Caller, uuid: string): DiskView;
  /** Those that are being made or removed too, for who may know of them. */
  listDetails(caller: Caller, choice?: Choice): readonly DiskDetails[];
  getDetails(caller: Caller, uuid: string): DiskDetails;
  /** Names what a disk and its attachments are now: another as soon as anything of them changes. */
  version(caller: Caller, uuid: string): string;
  create(caller: Caller, disk: NewDisk, cause: Cause): Promise<{ readonly uuid: string }>;
  /** Makes a disk larger, also while machines use it: they are told. `sizeGiB` is its new size. Owners and administrators. */
  resize(caller: Caller, uuid: string, sizeGiB: number, cause: Cause): Promise<void>;
  /** Changes what its owner says of it. `versions`: only if it is still one of these; undefined: whatever it is. */
  edit(
    caller: Caller,
    uuid: string,
    change: { readonly tag?: string | undefined; readonly visibility?: 'private' | 'public' | undefined },
    cause: Cause,
    versions?: readonly string[],
  ): Promise<void>;
  /** `versions` as above. */
  delete(caller: Caller, uuid: string, cause: Cause, versions?: readonly string[]): Promise<void>;
  /** How many machines may use a disk at once, from now on; only while none does. */
  setLimit(caller: Caller, uuid: string, limit: number, cause: Cause): Promise<void>;
  /** Tries again to make a disk whose creation failed and could not be undone. */
  retry(caller: Caller, uuid: string, cause: Cause): Promise<void>;
  /** `uuids`: all disks on the machine, in order of attachment. */
  hotattach(
    caller: Caller,
    uuid: string,
    vm: VmName,
    cause: Cause,
  ): Promise<{ target: string; uuids: readonly string[] }>;
  /** `uuids`: the remaining disks. `vouched`: with `force`, what the administrator has vouched for, as a sentence. */
  hotdetach(
    caller: Caller,
    uuid: string,
    vm: VmName,
    cause: Cause,
    force?: Force,
  ): Promise<{ target: string; uuids: readonly string[]; vouched?: string }>;
  attach(caller: Caller, uuid: string, vm: VmName, cause: Cause): Promise<{ uuids: readonly string[] }>;
  /** `vouched` as above. */
  detach(
    caller: Caller,
    vm: VmName,
    cause: Cause,
    force?: Force,
  ): Promise<{ uuids: readonly string[]; vouched?: string }>;
  /** The `<disk>` element of a cold attachment; `target` is a letter to keep, undefined the first that is free from `vdb` on. */
  element(
    caller: Caller,
    uuid: string,
    vm: VmName,
    target: string | undefined,
    cause: Cause,
  ): Promise<string>;
  /** What became of a disk or an attachment, by its actor's key, once it waits for nobody. Rejects with KEY_PENDING where that takes too long. */
  atRest(key: string): Promise<AtRest>;
  /** All disks on a machine, in order of attachment. */
  disksOn(vm: VmName): readonly string[];
  /** The disks on a machine that the caller sees, in order of attachment. */
  onVm(caller: Caller, vm: VmName): readonly DiskOnMachine[];
  /** The room in the pool. Rejects with POOL_UNAVAILABLE. */
  space(): Promise<PoolSpace>;
  /** What an account has: every disk that was accepted, whatever its state. */
  ownedBy(account: string): Quota;
  /** What an account may have; infinity where there is no quota. */
  quotaOf(account: string): Quota;
}

/** A hypervisor, as far as we know. */
export interface NodeView {
  /** The name by which it is known, the first of `names`. */
  readonly node: string;
  readonly names: readonly string[];
  readonly reachable: boolean;
  /** Since when it is reachable, or has not been, in milliseconds since 1970. */
  readonly since: number;
  /** As it told when it was last reachable; null before that. */
  readonly versions: { readonly libvirt: string; readonly qemu: string } | null;
  /** Null to those who do not run the cloud. */
  readonly operation: {
    readonly uri: string;
    /** Why it cannot be reached. */
    readonly error: string | null;
    /** Why nothing is released there. */
    readonly alarm: string | null;
    /** Who declared it dead, why and when, in milliseconds since 1970; null: nobody did. */
    readonly declaredDead: { readonly by: string; readonly reason: string; readonly since: number } | null;
  } | null;
}

/** What may be asked about nodes. */
export interface NodeService {
  /** The nodes that the configuration names, and those that were met through its wildcard and are linked. */
  list(caller: Caller): readonly NodeView[];
  /**
   * Ends a node's alarm: the host that answers is the right one, or the machines that it does not show are gone. Resolves with what
   * the alarm said. `also` is asked what must be on disk in the same batch. Throws FORBIDDEN, NODE_NOT_CONFIGURED, NO_ALARM.
   */
  agree(
    caller: Caller,
    node: string,
    also?: (outcome: { readonly alarm: string }) => readonly Write[],
  ): Promise<{ readonly alarm: string }>;
  /**
   * An administrator's word that a node is gone for good, and all its machines with it: what is attached there is released. Resolves with
   * the UUIDs of those disks. `also` as above. Throws FORBIDDEN, NODE_UNKNOWN, NODE_ALIVE.
   */
  declareDead(
    caller: Caller,
    node: string,
    reason: string,
    also?: (outcome: { readonly released: readonly string[] }) => readonly Write[],
  ): Promise<{ readonly released: readonly string[] }>;
  /** Takes that back. Throws FORBIDDEN, NODE_UNKNOWN, NODE_NOT_DECLARED_DEAD, NODE_STILL_HOLDS. */
  declareAlive(caller: Caller, node: string, also?: () => readonly Write[]): Promise<void>;
}

/** What a chart would do with an event now, with the sentence that a refused request would be answered. */
export type Explained = EventFinding & { readonly message: string | null };

/** Where a disk or an attachment is in its chart, as readers see it. */
export interface ChartPlace {
  readonly state: string;
  /** Until when somebody is waited for, in milliseconds since 1970; null: nobody is. */
  readonly deadline: number | null;
  /** What could come now, and what the machine would do with it. */
  readonly events: readonly Explained[];
  /** All that is kept of it; null to those who may not know. */
  readonly record: object | null;
}

interface DiskPlace extends ChartPlace {
  readonly disk: DiskView;
  readonly attachments: readonly AttachmentPlace[];
}

export interface AttachmentPlace extends ChartPlace {
  readonly id: string;
  readonly mode: 'hot' | 'cold';
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Null to those who may not know. */
  readonly machine: { readonly node: string; readonly vmId: string; readonly target: string | null } | null;
}

/** The charts, for those who want to see them at work. */
export interface ChartService {
  /** Where a disk and its attachments are. Rejects with DISK_UNKNOWN where there is none that the caller may see. */
  place(caller: Caller, uuid: string): Promise<DiskPlace>;
  /** How many of the disks that the caller sees, and of their attachments, are in each state. */
  counts(caller: Caller): Readonly<Record<'disk' | 'attachment', ReadonlyMap<string, number>>>;
}
