import type { Failure, Problem } from './reasons.ts';
import type { Stamp } from './stamp.ts';
import type { Vm } from './vm.ts';

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

/** What a detach call found out about the machine. */
export interface MachineFindings {
  /** `gone`: provably dead, or never there. `unknown`: its node could not tell. `unmanaged`: its node is not configured. */
  readonly machine: 'running' | 'gone' | 'unknown' | 'unmanaged';
  /** The disks of this machine's attachments that its live domain holds. */
  readonly held: readonly string[];
  /** Why the machine is `unknown`. */
  readonly doubt?: string;
}

type Outcome = { readonly attempt: number };
type BadOutcome = Outcome & { readonly problem: Problem<Failure> };

/** What may happen to an attachment; `Stamp` is added by whoever delivers it. */
export type AttachmentMessage =
  | ({ type: 'HOTATTACH'; target: string; shareable: boolean } & AttachmentBirth)
  | ({ type: 'ATTACH'; shareable: boolean } & AttachmentBirth)
  | ({ type: 'PLUGGED' } & Outcome)
  | ({ type: 'PLUG_REFUSED' } & BadOutcome)
  | ({ type: 'PLUG_UNKNOWN' } & BadOutcome)
  | { type: 'HOTDETACH' }
  | ({ type: 'UNPLUGGED' } & Outcome)
  | ({ type: 'KEPT' } & BadOutcome)
  | ({ type: 'UNPLUG_FAILED' } & BadOutcome)
  | ({ type: 'DETACH' } & MachineFindings)
  | { type: 'PROMISE'; target: string | null; taken: readonly string[] }
  | { type: 'DEVICE_GONE' }
  | { type: 'MACHINE_DEAD' }
  | { type: 'MACHINE_AWAY' }
  | { type: 'MOVED'; vm: Vm }
  | { type: 'FORGET' }
  | { type: 'TIMEOUT' }
  | { type: 'RESUME' };

export type AttachmentEvent = AttachmentMessage & Stamp;
