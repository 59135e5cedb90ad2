import type { Failure, Problem } from './reasons.ts';
import type { Stamp } from './stamp.ts';
import type { Vm } from './vm.ts';
import type { Authority, Run, VmLocation } from './vm-location.ts';

/** What is known when an attachment is created. */
export interface AttachmentBirth {
  readonly id: string;
  /** Disk UUID. */
  readonly disk: string;
  /** Node and VM as the caller named them, word for word. */
  readonly node: string;
  readonly vmId: string;
  readonly vm: Vm;
  /** The account that asked, and its id: the name of a deleted account may be used again. */
  readonly by: string;
  readonly byId?: string | undefined;
}

/** What hosts report about the VM of an attachment. */
interface VmFacts {
  readonly found: VmLocation;
  /** The alarm of its node: why the node's lists need an administrator's confirmation. Null: no alarm. */
  readonly alarm: string | null;
}

/** A call to detach a VM, with what hosts report about the VM. */
export interface DetachFacts extends VmFacts {
  /** The UUIDs of those disks of the VM's attachments that its live domain has. */
  readonly held: readonly string[];
  readonly authority: Authority;
}

type Outcome = { readonly attempt: number };
type BadOutcome = Outcome & { readonly problem: Problem<Failure> };

/** Every message that an attachment can get. The actor system adds the `Stamp`. */
export type AttachmentMessage =
  | ({ type: 'HOTATTACH'; target: string; shareable: boolean } & AttachmentBirth)
  | ({ type: 'ATTACH'; shareable: boolean } & AttachmentBirth)
  /** A live domain has the disk under our alias, and no record accounts for it. */
  | ({ type: 'ADOPT'; target: string; shareable: boolean; run: Run } & AttachmentBirth)
  | ({ type: 'PLUGGED'; run: Run } & Outcome)
  | ({ type: 'PLUG_REFUSED' } & BadOutcome)
  | ({ type: 'PLUG_UNKNOWN' } & BadOutcome)
  /** `forced`: an administrator confirms that the VM is gone. It carries what hosts report about the VM. */
  | { type: 'HOTDETACH'; forced?: DetachFacts }
  | ({ type: 'UNPLUGGED' } & Outcome)
  | ({ type: 'KEPT' } & BadOutcome)
  | ({ type: 'UNPLUG_FAILED' } & BadOutcome)
  /**
   * The VM does not run on its node. `settled`: no earlier plug call is pending in libvirt, so none can take
   * effect later.
   */
  | ({ type: 'NOT_RUNNING'; settled: boolean } & Outcome & VmFacts)
  | ({ type: 'DETACH' } & DetachFacts)
  | { type: 'PROMISE'; target: string | null; taken: readonly string[] }
  /** `defined`: the VM's definition contains the disk. */
  | { type: 'DEVICE_GONE'; alarm: string | null; defined: boolean }
  | ({ type: 'FOUND' } & VmFacts)
  /** The node reports that the VM was saved or migrates: it continues elsewhere, or later. */
  | { type: 'LEFT'; seen: 'switching' | 'saved' | 'migrated' }
  /**
   * The path that the live domain writes to instead of the disk's volume; null: it writes to the volume
   * again.
   */
  | { type: 'DIVERTED'; source: string | null }
  /** An administrator has declared this node dead. `node` is its canonical key. */
  | ({ type: 'NODE_DEAD'; node: string } & VmFacts)
  | { type: 'FORGET' }
  | { type: 'TIMEOUT' }
  | { type: 'RESUME' };

/** A message with its stamp, as the attachment chart gets it. */
export type AttachmentEvent = AttachmentMessage & Stamp;
