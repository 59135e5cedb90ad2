import type { Quota } from '../../../machines/disk-events.ts';
import type { Caller } from '../../accounts/caller.ts';
import type { Hypervisor } from '../../hypervisor/hypervisor.ts';
import type { Pool } from '../../storage/pool.ts';
import type { ActorSystem } from '../actors/system.ts';
import type { ListingIndex } from '../records/listing-index.ts';
import type { RecordIndex } from '../records/record-index.ts';
import type { Alarms } from '../vms/alarms.ts';
import type { HolderBook } from '../vms/holders.ts';
import type { Hosts } from '../vms/hosts.ts';
import type { Strays } from '../vms/strays.ts';
import type { VmLocator } from '../vms/vm-locator.ts';

/** What the operations on disks need. */
export interface Parts {
  readonly system: ActorSystem;
  readonly decided: RecordIndex;
  readonly committed: ListingIndex;
  readonly pool: Pool;
  readonly hypervisor: Hypervisor;
  readonly locator: VmLocator;
  readonly alarms: Alarms;
  readonly hosts: Hosts;
  readonly strays: Pick<Strays, 'holderOf'>;
  readonly holders: Pick<HolderBook, 'forget'>;
  /** Whether the caller's account is unchanged since its credentials were verified. */
  readonly stands: (caller: Caller) => boolean;
  readonly newUuid: () => string;
  readonly newId: () => string;
  readonly now: () => number;
  /** The user limit of a new disk. */
  readonly userLimit: number;
  /** The quota of an account; infinite where it has none. */
  readonly quotaOf: (account: string) => Quota;
  /** `service`: accounts of the role user may not hotattach. */
  readonly vmAccess: 'any' | 'service';
  /** How long a request waits for a node to answer a question, in milliseconds. */
  readonly questionMs: number;
}
