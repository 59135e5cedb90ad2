import type { Quota } from '../../machines/disk-events.ts';
import type { Vm } from '../../machines/vm.ts';
import type { Fate, Hypervisor } from '../hypervisor/hypervisor.ts';
import type { Pool } from '../storage/pool.ts';
import type { Catalogue } from './catalogue.ts';
import type { Caller } from './service.ts';
import type { Shelf } from './shelf.ts';
import type { ActorSystem } from './system.ts';

/** What the operations on disks are made of. */
export interface Parts {
  readonly system: ActorSystem;
  readonly decided: Shelf;
  readonly committed: Catalogue;
  readonly pool: Pool;
  readonly hypervisor: Hypervisor;
  /** What became of a machine: the hypervisor's proof, or `unknown` while its node is under an alarm; `doubt` says why. */
  readonly fate: (vm: Vm) => Promise<{ readonly fate: Fate; readonly doubt: string }>;
  /** Whether the caller's account stands as it did when the request was taken. */
  readonly stands: (caller: Caller) => boolean;
  readonly newUuid: () => string;
  readonly newId: () => string;
  readonly now: () => number;
  /** How many machines may use a new disk at once. */
  readonly userLimit: number;
  /** What an account may have. */
  readonly quotaOf: (account: string) => Quota;
  /** `service`: accounts of the role user may not hotattach. */
  readonly vmAccess: 'any' | 'service';
  /** How long a request waits for a node to answer a question, in milliseconds. */
  readonly questionMs: number;
}
