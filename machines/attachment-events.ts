import type { Failure, Problem } from './reasons.ts';
import type { Stamp } from './stamp.ts';
import type { Vm } from './vm.ts';
import type { Run, Whereabouts, Word } from './whereabouts.ts';

/** What is known when an attachment begins. */
export interface AttachmentBirth {
  readonly id: string;
  /** Disk UUID. */
  readonly disk: string;
  /** The machine as the caller named it, word for word. */
  readonly node: string;
  readonly vmId: string;
  readonly vm: Vm;
  /** The account that asked, and its id: an account may be made anew under an old name. */
  readonly by: string;
  readonly byId?: string | undefined;
}

/** What hosts tell of an attachment's machine. */
interface MachineFacts {
  readonly found: Whereabouts;
  /** Why the lists of its node are not believed without a person; null: they are. */
  readonly alarm: string | null;
}

/** A call to detach a machine, with what is known of it. */
export interface DetachFacts extends MachineFacts {
  /** The disks of this machine's attachments that its live domain has. */
  readonly held: readonly string[];
  readonly word: Word;
}

type Outcome = { readonly attempt: number };
type BadOutcome = Outcome & { readonly problem: Problem<Failure> };

/** What may happen to an attachment; `Stamp` is added by whoever delivers it. */
export type AttachmentMessage =
  | ({ type: 'HOTATTACH'; target: string; shareable: boolean } & AttachmentBirth)
  | ({ type: 'ATTACH'; shareable: boolean } & AttachmentBirth)
  /** A live domain has the disk by our alias, and no record tells of it. */
  | ({ type: 'ADOPT'; target: string; shareable: boolean; run: Run } & AttachmentBirth)
  | ({ type: 'PLUGGED'; run: Run } & Outcome)
  | ({ type: 'PLUG_REFUSED' } & BadOutcome)
  | ({ type: 'PLUG_UNKNOWN' } & BadOutcome)
  /** `forced`: an administrator vouches that the machine is gone; then what hosts tell of it is known. */
  | { type: 'HOTDETACH'; forced?: DetachFacts }
  | ({ type: 'UNPLUGGED' } & Outcome)
  | ({ type: 'KEPT' } & BadOutcome)
  | ({ type: 'UNPLUG_FAILED' } & BadOutcome)
  /** The machine does not run on its node. `settled`: no earlier call is at work any more that could plug the disk in yet. */
  | ({ type: 'NOT_RUNNING'; settled: boolean } & Outcome & MachineFacts)
  | ({ type: 'DETACH' } & DetachFacts)
  | { type: 'PROMISE'; target: string | null; taken: readonly string[] }
  /** `defined`: the machine's definition holds the disk. */
  | { type: 'DEVICE_GONE'; alarm: string | null; defined: boolean }
  | ({ type: 'FOUND' } & MachineFacts)
  /** Its node tells that it goes on elsewhere, now or later. */
  | { type: 'LEFT'; seen: 'switching' | 'saved' | 'migrated' }
  /** The live domain writes to another path than the disk's volume; null: to the volume again. */
  | { type: 'DIVERTED'; source: string | null }
  /** An administrator has declared this node dead, by its canonical key. */
  | ({ type: 'NODE_DEAD'; node: string } & MachineFacts)
  | { type: 'FORGET' }
  | { type: 'TIMEOUT' }
  | { type: 'RESUME' };

export type AttachmentEvent = AttachmentMessage & Stamp;
