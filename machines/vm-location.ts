import type { Vm } from './vm.ts';

/** One run of a VM on one host, from its start or its arrival there to its end. */
export interface Run {
  /** The host UUID from libvirt's capabilities. */
  readonly host: string;
  /** libvirt's id of the running domain. */
  readonly id: number;
}

/** How a run ended. A save and a migration are no ends: the VM continues. */
export interface RunEnd {
  readonly how: 'shutdown' | 'destroyed' | 'crashed' | 'failed';
  /** The canonical key of the node that reported it. */
  readonly node: string;
  /** The UUID of the host that reported it. */
  readonly host: string;
  /**
   * libvirt's id of the run, if the run and its end were seen on one unbroken connection. Null: only the
   * domain's last state shows the end.
   */
  readonly watched: number | null;
}

/** Where a VM is, as far as hosts report. These are facts; the charts decide what follows from them. */
export type VmLocation =
  /**
   * The VM runs, paused or not, on the node in `vm`. `disks`: our disks in its live domain; null: they could
   * not be read. `homeIsSilent`: the node on record does not answer, and may run the VM as well. `defined`:
   * our disks in its definition there, with which its next start begins; if a disk is missing from the live
   * domain, also those in its definitions on other nodes that answer.
   */
  | {
      readonly at: 'running';
      readonly vm: Vm;
      readonly run: Run;
      readonly disks: readonly string[] | null;
      readonly homeIsSilent: boolean;
      readonly defined: readonly string[];
    }
  /**
   * In the switch-over of a migration: its only copy is paused, and continues there or where it came from.
   */
  | { readonly at: 'moving'; readonly node: string }
  /** Shut off with a managed save image: the next start restores it with its disks. */
  | { readonly at: 'saved' }
  /**
   * No host that answered shows the VM. `silent`: for each host that could have it, why it did not answer or
   * is not believed. `unread`: the canonical keys of those nodes. `defined`: our disks in the VM's
   * definitions on the other nodes. `over`: whether the end of a run is the last that the VM's own node has
   * shown of it, on the connection that it has now.
   */
  | {
      readonly at: 'nowhere';
      readonly silent: readonly string[];
      readonly unread: readonly string[];
      readonly end: RunEnd | null;
      readonly over: boolean;
      readonly defined: readonly string[];
    };

/**
 * What the VM was last seen doing while its node was linked. Only a VM that was seen running can be seen to
 * end.
 */
export type LastSeen =
  | 'running'
  /** In the switch-over of a migration: it runs on neither host, and will run on one of them. */
  | 'switching'
  /** Saved, perhaps to a file, which libvirt does not remember. */
  | 'saved'
  /** Managed save: libvirt reports the image as long as it exists. */
  | 'managed-save'
  /** Migrated to another host. */
  | 'migrated'
  /** Its run is over for certain. */
  | 'ended';

/**
 * The authority that reports a VM gone: nobody; the cloud's frontend, by its detach call; an administrator,
 * by force.
 */
export type Authority = 'nobody' | 'frontend' | 'administrator';

/** The evidence for the end of a VM: what hosts report, and whether the node's reports are believed. */
interface Evidence {
  readonly found: VmLocation;
  /**
   * The alarm of the node: why its lists need an administrator's confirmation although the right host
   * answers. Null: no alarm.
   */
  readonly alarm: string | null;
}

interface Known {
  readonly disk: string;
  readonly mode: 'hot' | 'cold';
  readonly vm: Vm;
  readonly seen: LastSeen;
  readonly run: Run | null;
}

/**
 * Whether a VM's run is over for certain. No single event or state proves it: each was seen while the same VM
 * was alive.
 * - A run that was seen on an unbroken connection, and seen to end there, is over, unless a switch-over was
 *   open (then the other host may have the VM) or another host shows the VM.
 * - The end of a VM that had migrated counts on the node where it arrived, not on the one that it left.
 * - The domain's last state proves the end only if it is a crash, on the host where the VM was last seen
 *   running, and if every host that could have the VM has answered and none shows it. That no host shows it
 *   proves nothing: a VM that was saved to a file is in no list.
 */
export function isOver(
  { vm, seen, run }: Pick<Known, 'vm' | 'seen' | 'run'>,
  { found, alarm }: Evidence,
): boolean {
  if (found.at !== 'nowhere') return false;
  // It may have been started from a definition with the disk since, and then saved to a file.
  if (seen === 'ended') return found.over;
  if (found.end === null) return false;
  const { end, silent } = found;
  const atHome = end.node === vm.node;
  // That node's definition could not be read, so it may contain the disk.
  if (!atHome && found.unread.includes(end.node)) return false;
  const isWatched = end.watched !== null;
  if (seen === 'migrated') return isWatched && !atHome;
  if (seen === 'switching') return isWatched && silent.length === 0;
  if (seen !== 'running') return false;
  // The event of an earlier run's end may arrive when the next run already has the disk.
  if (isWatched && atHome) return run === null || run.id === end.watched;
  if (isWatched) return silent.length === 0;
  // Only a crash: after any other end the VM may have been saved to a file before, and started again from its
  // definition.
  if (end.how !== 'crashed' || !atHome || end.host !== run?.host) return false;
  return silent.length === 0 && alarm === null;
}

/**
 * Whether the VM's next start may take a hot-plugged disk without a request, because a definition contains
 * the disk, or may contain it on a node that does not answer. The definition of a registered VM contains the
 * disk on purpose: it is the frontend's.
 */
export function mayStartWith(
  { disk, mode, vm }: Pick<Known, 'disk' | 'mode' | 'vm'>,
  found: VmLocation,
): boolean {
  if (mode === 'cold') return false;
  if (found.at === 'nowhere' && found.unread.includes(vm.node)) return true;
  return (found.at === 'nowhere' || found.at === 'running') && found.defined.includes(disk);
}

/** Whether a VM's run is over for certain, and its next run will not have the disk. */
export function isProvedDead(known: Known, evidence: Evidence): boolean {
  return isOver(known, evidence) && !mayStartWith(known, evidence.found);
}

/**
 * Whether the frontend's detach call is enough to release the disk: no host that answered shows the VM, every
 * host that could have it has answered, and the VM is not known to be saved to a file.
 */
export function isBelieved(known: Known, { found }: Evidence, authority: Authority): boolean {
  if (authority !== 'frontend' || found.at !== 'nowhere' || mayStartWith(known, found)) return false;
  return found.silent.length === 0 && known.seen !== 'saved';
}

/**
 * Whether a VM may survive its dead node: another node shows or receives it, it was seen to migrate away
 * before, or it was seen in a switch-over and a node does not answer. `found` is without a report of the dead
 * node.
 */
export function mayOutliveNode({ seen }: Pick<Known, 'seen'>, found: VmLocation): boolean {
  if (found.at !== 'nowhere') return true;
  return seen === 'migrated' || (seen === 'switching' && found.silent.length > 0);
}

/** A sentence for people that says why it is not known whether the VM is gone. */
export function doubtOf(known: Known, { found, alarm }: Evidence): string {
  const { seen } = known;
  if (found.at === 'saved') return 'it was saved, and comes back with its disks';
  if (found.at === 'moving') return 'it is migrating';
  if (found.at === 'running') {
    return `it is seen on node '${found.vm.host}', and the node where it was known to be does not answer`;
  }
  if (found.defined.includes(known.disk) && mayStartWith(known, found)) {
    return 'its definition holds the disk, and its next start takes it';
  }
  if (found.silent.length > 0) return found.silent.join('; ');
  if (seen === 'saved') return 'it was saved to a file, and may be restored with its disks';
  if (seen === 'migrated') return 'it has migrated, and no host shows it';
  if (alarm !== null) return alarm;
  return 'no host shows it, and nobody saw its end';
}
