import type { Vm } from './vm.ts';

/** One run of a machine on one host, from its start or its arrival there to its end. */
export interface Run {
  /** The host's UUID, by its capabilities. */
  readonly host: string;
  /** libvirt's id of the running domain. */
  readonly id: number;
}

/** How a run ended, where that is an end: a machine that was saved or has migrated goes on. */
export interface RunEnd {
  readonly how: 'shutdown' | 'destroyed' | 'crashed' | 'failed';
  /** The canonical key of the node that tells so. */
  readonly node: string;
  /** The UUID of the host that tells so. */
  readonly host: string;
  /** libvirt's id of the run, if it was seen, and then seen to end, on one unbroken connection; null: only its last state tells. */
  readonly watched: number | null;
}

/** Where a machine is, as far as hosts tell. These are facts; what follows from them is for the charts to say. */
export type Whereabouts =
  /**
   * It runs, paused or not, on the node in `vm`. `disks`: those of ours in its live domain; null: that could not be read.
   * `homeIsSilent`: the node where it was known to be does not answer, and may have it as well. `defined`: those of ours in its definition
   * there, with which its next start begins.
   */
  | {
      readonly at: 'running';
      readonly vm: Vm;
      readonly run: Run;
      readonly disks: readonly string[] | null;
      readonly homeIsSilent: boolean;
      readonly defined: readonly string[];
    }
  /** Its only copy is paused in the middle of a migration: it goes on there, or where it came from. */
  | { readonly at: 'moving'; readonly node: string }
  /** Shut off with a managed save image: its next start brings it back with its disks. */
  | { readonly at: 'saved' }
  /**
   * No host that answered shows it. `silent`: why each host that could have it did not answer, or is not believed; `unread`: the canonical
   * keys of their nodes. `defined`: the disks of ours in its definitions on the others.
   */
  | {
      readonly at: 'nowhere';
      readonly silent: readonly string[];
      readonly unread: readonly string[];
      readonly end: RunEnd | null;
      readonly defined: readonly string[];
    };

/** What a machine was last seen doing while its node was linked. Only what was seen running can be seen to end. */
export type LastSeen =
  | 'running'
  /** In the switch-over of a migration: it runs on neither host, and will on one of them. */
  | 'switching'
  /** Saved, perhaps to a file of which libvirt knows nothing afterwards. */
  | 'saved'
  /** Saved by libvirt itself, which knows of the image as long as there is one. */
  | 'managed-save'
  /** Gone to another host. */
  | 'migrated'
  /** Its run is proved to be over. */
  | 'ended';

/** Who says that a machine is gone: nobody; the cloud's frontend, by its call to detach; an administrator, by force. */
export type Word = 'nobody' | 'frontend' | 'administrator';

/** What is known of the end of a machine: whoever decides on it needs both. */
interface Evidence {
  readonly found: Whereabouts;
  /** Why a node's lists are not believed without a person, although the right host answers; null: they are. */
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
 * Whether a machine's run is over for certain. No single event or state proves it: each was seen while the same machine was alive.
 * - A run that was seen on an unbroken connection and ended there in a way that is an end is over, unless a switch-over was open
 *   (then the other host may have it) or another host shows it.
 * - The end of a machine that had migrated counts where it landed, not where it came from.
 * - The last state proves it only if it is a crash, on the host where the machine was last seen running, and if every host that could
 *   have the machine has answered and none shows it. Absence proves nothing: a machine that was saved to a file is in no list.
 */
export function isOver(
  { vm, seen, run }: Pick<Known, 'vm' | 'seen' | 'run'>,
  { found, alarm }: Evidence,
): boolean {
  if (found.at !== 'nowhere') return false;
  if (seen === 'ended') return true;
  if (found.end === null) return false;
  const { end, silent } = found;
  const atHome = end.node === vm.node;
  // What the definition there holds is not known.
  if (!atHome && found.unread.includes(end.node)) return false;
  const isWatched = end.watched !== null;
  if (seen === 'migrated') return isWatched && !atHome;
  if (seen === 'switching') return isWatched && silent.length === 0;
  if (seen !== 'running') return false;
  // The end of an earlier run may be heard late, when the next one has the disk already.
  if (isWatched && atHome) return run === null || run.id === end.watched;
  if (isWatched) return silent.length === 0;
  // Only a crash: whatever else ended may have been saved to a file before, and started anew from its definition.
  if (end.how !== 'crashed' || !atHome || end.host !== run?.host) return false;
  return silent.length === 0 && alarm === null;
}

/**
 * Whether the next start of its machine may take a hot-plugged disk without asking, for a definition holds it, or may hold it where its
 * node does not answer. The definition of a machine that was registered has the disk on purpose: it is the frontend's.
 */
export function mayStartWith(
  { disk, mode, vm }: Pick<Known, 'disk' | 'mode' | 'vm'>,
  found: Whereabouts,
): boolean {
  if (mode === 'cold') return false;
  if (found.at === 'nowhere' && found.unread.includes(vm.node)) return true;
  return (found.at === 'nowhere' || found.at === 'running') && found.defined.includes(disk);
}

/** Whether a machine's run is over for certain, and the next one will not have the disk. */
export function isProvedDead(known: Known, evidence: Evidence): boolean {
  return isOver(known, evidence) && !mayStartWith(known, evidence.found);
}

/**
 * Whether the frontend's word that a machine was killed is enough: no host that answered shows it, none is silent that could
 * have it, and nothing is known to have saved it to a file.
 */
export function isBelieved(known: Known, { found }: Evidence, word: Word): boolean {
  if (word !== 'frontend' || found.at !== 'nowhere' || mayStartWith(known, found)) return false;
  return found.silent.length === 0 && known.seen !== 'saved';
}

/**
 * Whether a machine may live on although its node is dead: it was seen to leave that before, a copy of it is on its way in on another, or
 * another one tells that it is there. `found` is without the word of its node.
 */
export function mayOutliveNode({ seen }: Pick<Known, 'seen'>, found: Whereabouts): boolean {
  if (found.at !== 'nowhere') return true;
  return seen === 'migrated' || (seen === 'switching' && found.silent.length > 0);
}

/** Why a machine's end is not known, in words. */
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
