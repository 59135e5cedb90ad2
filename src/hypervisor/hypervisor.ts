import type { Failure } from '../../machines/reasons.ts';
import type { Vm } from '../../machines/vm.ts';
import type { VolumeSource } from '../storage/pool.ts';

/** A machine found running, and what its live domain holds. */
export interface RunningVm {
  /** With the domain's UUID, and the domain's name among the names. */
  readonly vm: Vm;
  /** Every target letter in use in the live domain: `vda`, `sda`, … */
  readonly targets: readonly string[];
  /** The disks (UUIDs of ours, by alias or by serial) in the live domain. */
  readonly disks: readonly string[];
}

export interface DiskSpec {
  /** Disk UUID: gives the alias `ua-<uuid>` and, without dashes, the serial. */
  readonly disk: string;
  readonly source: VolumeSource;
  readonly target: string;
  /** Only for a disk whose user limit is above 1; otherwise QEMU's write lock is the second line of defence. */
  readonly shareable: boolean;
}

export type PlugOutcome =
  | { readonly kind: 'plugged' }
  /** Certain: the device is not there and will not come. */
  | { readonly kind: 'refused'; readonly code: Failure; readonly detail: string }
  /** The answer was lost, or the live domain could not be read: it may be there, or come. */
  | { readonly kind: 'unknown'; readonly detail: string };

export type UnplugOutcome =
  /** DEVICE_REMOVED came, or the live domain of that UUID does not show it, or that domain is provably dead. */
  | { readonly kind: 'unplugged' }
  /** The guest did not let go by the deadline; the live domain shows it. */
  | { readonly kind: 'kept'; readonly detail: string }
  /** Not certain, or nothing was asked: NODE_UNREACHABLE, UNPLUG_REFUSED, UNPLUG_UNKNOWN. */
  | { readonly kind: 'failed'; readonly code: Failure; readonly detail: string };

export type ResizeOutcome =
  /** The machine knows, or does not have the disk, or will find out when it starts. */
  | { readonly kind: 'done' }
  /** It may not know yet: ask again. */
  | { readonly kind: 'pending'; readonly detail: string };

/** One domain in a complete list of a node. */
export interface DomainState {
  readonly uuid: string;
  readonly name: string;
  /** Running, paused and the like: QEMU holds its disks. */
  readonly active: boolean;
  /** Shut off with a managed save image: it comes back with its disks. */
  readonly saved: boolean;
}

export interface Survey {
  /** The host UUID in the node's capabilities. */
  readonly hostUuid: string;
  /** Which connection this list came from: two lists are comparable only if it is the same. */
  readonly generation: number;
  readonly domains: readonly DomainState[];
}

/**
 * What became of a machine: `dead` only on proof (two complete lists of one connection, at least 5 s apart, without its UUID or
 * with it shut off and no managed save image); `unknown` where the node could not tell by the deadline.
 */
export type Fate = 'active' | 'saved' | 'dead' | 'unknown';

/** Why a domain stopped, as far as it matters to its disks. */
export type StopKind = 'dead' | 'saved' | 'migrated';

/** What a node tells by itself. `node` is the canonical key. */
export interface NodeWatcher {
  /** A new connection is up and its events are registered: events before it may be lost. */
  up(node: string, generation: number): void;
  stopped(node: string, domain: string, kind: StopKind): void;
  started(node: string, domain: string): void;
  deviceRemoved(node: string, domain: string, alias: string): void;
  deviceAdded(node: string, domain: { readonly uuid: string; readonly name: string }, alias: string): void;
}

export interface NodeStatus {
  readonly node: string;
  readonly uri: string;
  readonly state: 'connecting' | 'up' | 'down';
  /** Since when it is up, or has not been, in milliseconds since 1970. */
  readonly since: number;
  /** As the last connection told; undefined while none has. */
  readonly versions: { readonly libvirt: string; readonly qemu: string } | undefined;
  readonly error: string | undefined;
}

/**
 * The nodes, their machines, and plugging as complete operations. Errors thrown are `PdiskError`s. Every wait ends at its
 * deadline (absolute, milliseconds since 1970) or when its signal is aborted.
 */
export interface Hypervisor {
  /** What (node, vm_id) means by name alone; asks nobody. A node that is not configured has a key of its own. */
  vm(node: string, vmId: string): Vm;
  /** The canonical key of a node name. */
  nodeKey(host: string): string;
  isConfigured(nodeKey: string): boolean;
  /** Keys of the nodes that are linked now (named in the configuration, or met through the wildcard). */
  linkedNodes(): readonly string[];
  /** The name by which a linked node is known: the first configured one, or the host itself under the wildcard. */
  hostOf(nodeKey: string): string;
  /** The names by which the configuration knows a node; of one of those that the wildcard stands for, its host. */
  namesOf(nodeKey: string): readonly string[];
  status(): readonly NodeStatus[];
  /**
   * The one running domain that (node, vm_id) means. Throws NODE_NOT_CONFIGURED, NODE_UNREACHABLE, VM_UNKNOWN, VM_NOT_RUNNING,
   * VM_AMBIGUOUS (naming both).
   */
  resolve(node: string, vmId: string, deadline: number, signal?: AbortSignal): Promise<RunningVm>;
  /** Plugs a disk, live only. Idempotent: what is plugged already counts as plugged. Never rejects. */
  plug(vm: Vm, spec: DiskSpec, deadline: number, signal: AbortSignal): Promise<PlugOutcome>;
  /** Unplugs a disk and waits until the guest has let go. Idempotent. Never rejects. */
  unplug(vm: Vm, disk: string, deadline: number, signal: AbortSignal): Promise<UnplugOutcome>;
  /**
   * Tells a machine, if it runs and has the disk, that it now has this many bytes: those that its volume really has, never fewer, for
   * libvirt would cut off the rest without a question. Never rejects.
   */
  resize(vm: Vm, disk: string, bytes: number, deadline: number, signal: AbortSignal): Promise<ResizeOutcome>;
  /** The `<disk>` element for a domain's XML. */
  diskElement(spec: DiskSpec): string;
  /** The disks (UUIDs of ours, by alias or by serial) in the live domain that this machine is, or undefined when no such domain is active. Throws NODE_UNREACHABLE. */
  liveDisks(vm: Vm, deadline: number, signal?: AbortSignal): Promise<readonly string[] | undefined>;
  /** One complete list of a node's domains, active and not. Throws NODE_UNREACHABLE. */
  survey(nodeKey: string, deadline: number, signal?: AbortSignal): Promise<Survey>;
  /** What became of the machine with this domain UUID on its node. Takes 5 s where the domain is not found active. Never rejects. */
  fate(vm: Vm, deadline: number, signal?: AbortSignal): Promise<Fate>;
  /** Keys of the nodes that the configuration names. */
  namedNodes(): readonly string[];
  /** Links a node (if it is configured) so that its events come. */
  link(nodeKey: string): void;
  watch(watcher: NodeWatcher): () => void;
  close(): Promise<void>;
}
