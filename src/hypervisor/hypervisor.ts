import type { Failure } from '../../machines/reasons.ts';
import type { Vm } from '../../machines/vm.ts';
import type { Run, RunEnd } from '../../machines/whereabouts.ts';
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
  /** Whether an earlier attempt, of which nothing is known, may still be at work in libvirt. */
  readonly mayBeAtWork?: boolean;
}

export type PlugOutcome =
  /** The live domain shows it, in this run. */
  | { readonly kind: 'plugged'; readonly run: Run }
  /** Certain: the device is not there and will not come. */
  | { readonly kind: 'refused'; readonly code: Failure; readonly detail: string }
  /** The answer was lost, or the live domain could not be read: it may be there, or come. */
  | { readonly kind: 'unknown'; readonly detail: string };

export type UnplugOutcome =
  /** DEVICE_REMOVED came, or the live domain of that UUID does not show it. */
  | { readonly kind: 'unplugged' }
  /** The same of the running machine; its definition has the disk, or could not be read. */
  | { readonly kind: 'unplugged-live' }
  /** No such domain runs on this node. `settled`: libvirt has answered, so that no earlier call for it is at work any more. */
  | { readonly kind: 'stopped'; readonly settled: boolean }
  /** The guest did not let go by the deadline; the live domain shows it. */
  | { readonly kind: 'kept'; readonly detail: string }
  /**
   * Not certain, or nothing was asked: NODE_UNREACHABLE, UNPLUG_REFUSED, UNPLUG_UNKNOWN, BLOCK_JOB; DISK_DIVERTED where the machine
   * writes to something else than the volume, so that unplugging would lose what it wrote.
   */
  | { readonly kind: 'failed'; readonly code: Failure; readonly detail: string };

/** What has to be so for a disk to be unplugged; null: whatever is. */
export interface Expected {
  /** The UUID of the host that answers. */
  readonly host: string | null;
  /** The path that the machine writes to: what it has written to another one would be lost. */
  readonly source: string | null;
}

export type ResizeOutcome =
  /** The machine knows, or does not have the disk, or will find out when it starts. */
  | { readonly kind: 'done' }
  /** It may not know yet: ask again. */
  | { readonly kind: 'pending'; readonly detail: string };

/** What in a live domain may be a disk of ours. */
export interface LiveDisk {
  /** Disk UUID. */
  readonly disk: string;
  /** What gives it away: our alias, our serial, or a path that holds the UUID. */
  readonly by: 'alias' | 'serial' | 'path';
  readonly alias: string;
  readonly target: string;
  /** The path that the machine writes to. */
  readonly source: string;
}

/** What one host knows of one domain. */
export type Look =
  | {
      readonly kind: 'running';
      readonly run: Run;
      readonly disks: readonly LiveDisk[];
      /** Every target letter in use. */
      readonly targets: readonly string[];
      /** The disks (UUIDs, by our alias) in its definition, with which its next start begins. */
      readonly defined: readonly string[];
    }
  /** Paused in the middle of a migration or of its start: it may go on here, with its disks, or on another host. */
  | { readonly kind: 'moving'; readonly disks: readonly LiveDisk[] }
  /** Shut off, with a managed save image. */
  | { readonly kind: 'saved' }
  /** Shut off. `how`: its end, if its state tells one; `defined` as above. */
  | {
      readonly kind: 'off';
      readonly how: RunEnd['how'] | null;
      readonly host: string;
      readonly defined: readonly string[];
    }
  | { readonly kind: 'absent' };

/** The disks that a domain has, or will have where it goes on. */
export const disksIn = (look: Look): readonly LiveDisk[] => ('disks' in look ? look.disks : []);

/** One domain in a complete list of a node. */
interface DomainState {
  readonly uuid: string;
  readonly name: string;
  /** libvirt's id of the running domain; -1 where it does not run. */
  readonly id: number;
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
  /** How old that connection was: libvirtd that has just restarted does not know all its domains yet. */
  readonly ageMs: number;
  readonly domains: readonly DomainState[];
}

/** A domain as events and lists name it. */
export interface DomainName {
  readonly uuid: string;
  readonly name: string;
}

/** What a node tells by itself. `node` is its canonical key. */
export interface NodeWatcher {
  /** A new connection is up and its events are registered: events before it may be lost. */
  up(node: string, generation: number): void;
  /** It runs there, or goes on there. */
  running(node: string, domain: DomainName): void;
  /** It goes on elsewhere or later, or will on one of two hosts. */
  left(node: string, domain: DomainName, seen: 'switching' | 'saved' | 'migrated'): void;
  /** `watched`: the id of the run that was seen there before on the same connection; null: none was. */
  ended(node: string, domain: DomainName, how: RunEnd['how'], watched: number | null): void;
  /** Something came to its end there, and may have begun again. */
  changed(node: string, domain: DomainName): void;
  deviceRemoved(node: string, domain: DomainName, alias: string): void;
  deviceAdded(node: string, domain: DomainName, alias: string): void;
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
  /**
   * Unplugs a disk and waits until the guest has let go. Idempotent. Never rejects.
   */
  unplug(
    vm: Vm,
    disk: string,
    expected: Expected,
    deadline: number,
    signal: AbortSignal,
  ): Promise<UnplugOutcome>;
  /**
   * Tells a machine, if it runs and has the disk, that it now has this many bytes: those that its volume really has, never fewer, for
   * libvirt would cut off the rest without a question. Never rejects.
   */
  resize(vm: Vm, disk: string, bytes: number, deadline: number, signal: AbortSignal): Promise<ResizeOutcome>;
  /** The `<disk>` element for a domain's XML. */
  diskElement(spec: DiskSpec): string;
  /** What a node knows of the domain with this UUID. Throws NODE_UNREACHABLE. */
  look(nodeKey: string, domain: string, deadline: number, signal?: AbortSignal): Promise<Look>;
  /** Takes a disk out of a machine's definition, and leaves the running machine as it is. Why that failed; undefined: it is not in it. Never rejects. */
  undefineDisk(
    nodeKey: string,
    domain: string,
    disk: string,
    deadline: number,
    signal?: AbortSignal,
  ): Promise<string | undefined>;
  /** The domains of a node that a machine's names mean, by UUID. Throws NODE_UNREACHABLE. */
  domainsNamed(vm: Vm, deadline: number, signal?: AbortSignal): Promise<readonly DomainName[]>;
  /** One complete list of a node's domains, active and not. Throws NODE_UNREACHABLE. */
  survey(nodeKey: string, deadline: number, signal?: AbortSignal): Promise<Survey>;
  /** Keys of the nodes that the configuration names. */
  namedNodes(): readonly string[];
  /** Links a node (if it is configured) so that its events come. */
  link(nodeKey: string): void;
  watch(watcher: NodeWatcher): () => void;
  close(): Promise<void>;
}
