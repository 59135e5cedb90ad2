import type { Failure } from '../../machines/reasons.ts';
import type { Vm } from '../../machines/vm.ts';
import type { Run, RunEnd } from '../../machines/vm-location.ts';
import type { VolumeSource } from '../storage/pool.ts';

/** A running VM, and the contents of its live domain. */
export interface RunningVm {
  /** With the UUID of its domain. */
  readonly vm: Vm;
  /** Every target in use in the live domain: `vda`, `sda`, … */
  readonly targets: readonly string[];
  /** UUIDs of our disks in the live domain, found by alias or by serial. */
  readonly disks: readonly string[];
}

/** A disk as it is to be plugged, or written into a domain's XML. */
export interface DiskSpec {
  /** Disk UUID. The alias is `ua-<uuid>`; the serial is the UUID without dashes. */
  readonly disk: string;
  readonly source: VolumeSource;
  readonly target: string;
  /** True only for a disk with a user limit above 1. If false, QEMU's write lock is a second protection. */
  readonly shareable: boolean;
  /** Whether libvirt may still execute an earlier attempt whose result is not known. */
  readonly mayBeAtWork?: boolean;
}

/** The result of `Hypervisor.plug`. */
export type PlugOutcome =
  /** The live domain has the disk. `run`: the run in which it was seen. */
  | { readonly kind: 'plugged'; readonly run: Run }
  /** It is certain that the domain does not have the disk and will not get it from this call. */
  | { readonly kind: 'refused'; readonly code: Failure; readonly detail: string }
  /** libvirt's answer was lost, or the live domain could not be read: it may have or get the disk. */
  | { readonly kind: 'unknown'; readonly detail: string };

/** The result of `Hypervisor.unplug`. */
export type UnplugOutcome =
  /** The live domain and its definition do not have the disk. */
  | { readonly kind: 'unplugged' }
  /** The live domain does not have the disk; its definition has it, or could not be read. */
  | { readonly kind: 'unplugged-live' }
  /**
   * No domain with that UUID runs on this node. `settled`: libvirt has answered for it, so no earlier call
   * for it can still be executed.
   */
  | { readonly kind: 'stopped'; readonly settled: boolean }
  /** The guest did not release the disk before the deadline; the live domain still has it. */
  | { readonly kind: 'kept'; readonly detail: string }
  /**
   * The result is not known, or the guest was not asked: NODE_UNREACHABLE, NODE_DOUBTED, UNPLUG_REFUSED,
   * UNPLUG_UNKNOWN, BLOCK_JOB; DISK_DIVERTED if the VM writes to another path than the volume, so that
   * unplugging would lose these writes.
   */
  | { readonly kind: 'failed'; readonly code: Failure; readonly detail: string };

/** Conditions for an unplug; null: any value is accepted. */
export interface Expected {
  /** The UUID of the host that answers. */
  readonly host: string | null;
  /** The path that the VM writes to. What it has written to another path would be lost. */
  readonly source: string | null;
}

/** The result of `Hypervisor.resize`. */
export type ResizeOutcome =
  /** The VM has the new size, or does not have the disk, or will read the new size when it starts. */
  | { readonly kind: 'done' }
  /** The VM may still have the old size: call again. */
  | { readonly kind: 'pending'; readonly detail: string };

/** A device in a live domain that may be a disk of ours. */
export interface LiveDisk {
  /** Disk UUID. */
  readonly disk: string;
  /** Where the UUID was found: in the alias, in the serial, or in a path. */
  readonly by: 'alias' | 'serial' | 'path';
  readonly alias: string;
  readonly target: string;
  /** The path that the VM writes to. */
  readonly source: string;
}

/** The state of one domain on one host. */
export type Look =
  | {
      readonly kind: 'running';
      readonly run: Run;
      readonly disks: readonly LiveDisk[];
      /** Every target in use: `vda`, `sda`, … */
      readonly targets: readonly string[];
      /** UUIDs of our disks, found by alias, in the definition that the next start uses. */
      readonly defined: readonly string[];
    }
  /** Paused during a migration or its start: it may continue here, with its disks, or on another host. */
  | { readonly kind: 'moving'; readonly disks: readonly LiveDisk[] }
  /** Shut off, with a managed save image. */
  | { readonly kind: 'saved' }
  /** Shut off. `how`: how its run ended, or null if libvirt's state does not tell; `defined` as above. */
  | {
      readonly kind: 'off';
      readonly how: RunEnd['how'] | null;
      readonly host: string;
      readonly defined: readonly string[];
    }
  /** libvirt has no such domain. */
  | { readonly kind: 'absent' };

/** The disks that a domain has here, or will have if it continues here; empty if it does not run. */
export const disksIn = (look: Look): readonly LiveDisk[] => ('disks' in look ? look.disks : []);

/** One domain in the list of all domains of a node. */
interface ListedDomain {
  readonly uuid: string;
  readonly name: string;
  /** libvirt's id of the running domain; -1 if it is not running. */
  readonly id: number;
  /** Running or paused: QEMU has its disks open. */
  readonly active: boolean;
  /** Shut off with a managed save image: its next start restores it with its disks. */
  readonly saved: boolean;
}

/** The list of all domains of a node at one moment. */
export interface DomainList {
  /** The host UUID in the node's capabilities. */
  readonly hostUuid: string;
  /** Number of the connection that the list came from: compare two lists only if their numbers are equal. */
  readonly generation: number;
  /** Age of that connection in milliseconds. Just after its restart libvirtd may not list all domains. */
  readonly ageMs: number;
  readonly domains: readonly ListedDomain[];
}

/** The names of a domain in events and lists. */
export interface DomainName {
  readonly uuid: string;
  readonly name: string;
}

/** Handlers for a node's events. `node` is its canonical key. */
export interface NodeWatcher {
  /** A new connection is up and its events are registered. Events before it may have been lost. */
  up(node: string, generation: number): void;
  /** The domain runs on the node: it was started, restored or resumed there, or arrived by migration. */
  running(node: string, domain: DomainName): void;
  /** The domain does not run on the node now, but its run has not ended: it was saved, or migrates. */
  left(node: string, domain: DomainName, seen: 'switching' | 'saved' | 'migrated'): void;
  /** The run has ended. `watched`: its id, if the run was seen before on the same connection, else null. */
  ended(node: string, domain: DomainName, how: RunEnd['how'], watched: number | null): void;
  /** The event does not tell the state of the domain, or its definition has changed: look at it. */
  changed(node: string, domain: DomainName): void;
  deviceRemoved(node: string, domain: DomainName, alias: string): void;
  deviceAdded(node: string, domain: DomainName, alias: string): void;
}

/** What another setting of nodes has changed, by names. */
interface NodeChanges {
  readonly added: readonly string[];
  /** They have another URI. */
  readonly moved: readonly string[];
  readonly removed: readonly string[];
  /** What only a restart takes, a sentence each. */
  readonly refused: readonly string[];
}

/** The state of the connection to a node. */
export interface NodeStatus {
  readonly node: string;
  readonly uri: string;
  readonly state: 'connecting' | 'up' | 'down';
  /** When the connection came up, or was lost, in milliseconds since 1970. */
  readonly since: number;
  /** As read from the latest connection; undefined if none has answered yet. */
  readonly versions: { readonly libvirt: string; readonly qemu: string } | undefined;
  readonly error: string | undefined;
}

/**
 * The nodes, their VMs, and complete operations on the disks of a VM. Errors thrown are `PdiskError`s. Every
 * wait ends at its deadline (milliseconds since 1970) or when its signal is aborted.
 */
export interface Hypervisor {
  /** The VM that (node, vm_id) means, without asking the node. An unconfigured node has its own key. */
  vm(node: string, vmId: string): Vm;
  /** The canonical key of a node name. */
  nodeKey(host: string): string;
  isConfigured(nodeKey: string): boolean;
  /** Keys of the nodes that have a link now: configured by name, or used through the wildcard. */
  linkedNodes(): readonly string[];
  /** The name of a node: the first configured one, or the host name if only the wildcard matches it. */
  hostOf(nodeKey: string): string;
  /** All configured names of a node, or its host name if only the wildcard matches it. */
  namesOf(nodeKey: string): readonly string[];
  status(): readonly NodeStatus[];
  /** `Runs.lastEnd` of a domain (UUID) on a node. */
  lastEnd(nodeKey: string, domain: string): number | null | undefined;
  /**
   * The one running domain that (node, vm_id) means. Throws NODE_NOT_CONFIGURED, NODE_UNREACHABLE,
   * VM_UNKNOWN, VM_NOT_RUNNING, VM_MIGRATING, or VM_AMBIGUOUS (naming all that run).
   */
  resolve(node: string, vmId: string, deadline: number, signal?: AbortSignal): Promise<RunningVm>;
  /**
   * Plugs a disk into the live domain; its definition is not changed. Idempotent: a disk that is plugged
   * already counts as plugged. Never rejects.
   */
  plug(vm: Vm, spec: DiskSpec, deadline: number, signal: AbortSignal): Promise<PlugOutcome>;
  /**
   * Unplugs a disk from the live domain and waits until the guest has released it. Idempotent. Never rejects.
   */
  unplug(
    vm: Vm,
    disk: string,
    expected: Expected,
    deadline: number,
    signal: AbortSignal,
  ): Promise<UnplugOutcome>;
  /**
   * Tells a running VM that has the disk the disk's new size in bytes. `bytes` must be the real size of the
   * volume: with a smaller number libvirt truncates the volume without asking. Never rejects.
   */
  resize(vm: Vm, disk: string, bytes: number, deadline: number, signal: AbortSignal): Promise<ResizeOutcome>;
  /** The `<disk>` element for a domain's XML. */
  diskElement(spec: DiskSpec): string;
  /** The state of the domain with this UUID on a node. Throws NODE_NOT_CONFIGURED or NODE_UNREACHABLE. */
  look(nodeKey: string, domain: string, deadline: number, signal?: AbortSignal): Promise<Look>;
  /**
   * Removes a disk from a VM's definition; the live domain is not changed. Resolves with the reason of a
   * failure, or with undefined when the definition does not have the disk. Never rejects.
   */
  undefineDisk(
    nodeKey: string,
    domain: string,
    disk: string,
    deadline: number,
    signal?: AbortSignal,
  ): Promise<string | undefined>;
  /**
   * The domains on a VM's node that have one of its names. Throws NODE_NOT_CONFIGURED or NODE_UNREACHABLE.
   */
  domainsNamed(vm: Vm, deadline: number, signal?: AbortSignal): Promise<readonly DomainName[]>;
  /** The list of all domains of a node, running or not. Throws NODE_NOT_CONFIGURED or NODE_UNREACHABLE. */
  listDomains(nodeKey: string, deadline: number, signal?: AbortSignal): Promise<DomainList>;
  /** Keys of the nodes that the configuration names. */
  namedNodes(): readonly string[];
  /** Connects to a node, if it is configured, and stays connected, so that its events arrive. */
  link(nodeKey: string): void;
  /**
   * Takes another setting of nodes, as far as that can be done while the service runs, and links new nodes
   * and those with another URI. A node that is not in it any more is not asked again; its attachments stay.
   * Throws libvirt's Unsupported for a URI that cannot be used, and then nothing has changed.
   */
  renewNodes(setting: ReadonlyMap<string, string>): NodeChanges;
  /**
   * When the client certificate for each linked node that is reached by TLS expires, in milliseconds since
   * 1970; NaN if its file cannot be read.
   */
  certificateExpiries(): Promise<ReadonlyMap<string, number>>;
  /** Adds handlers for the events of all nodes; returns the function that removes them. */
  watch(watcher: NodeWatcher): () => void;
  /** Closes all connections; resolves when they are closed. */
  close(): Promise<void>;
}
