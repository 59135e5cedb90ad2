import type { Quota } from '../../machines/disk-events.ts';
import type { Caller } from '../accounts/caller.ts';
import type { Hypervisor } from '../hypervisor/hypervisor.ts';
import type { Pool } from '../storage/pool.ts';
import type { Alarms } from './alarms.ts';
import type { Catalogue } from './catalogue.ts';
import type { HolderBook } from './holders.ts';
import type { Hosts } from './hosts.ts';
import type { Shelf } from './shelf.ts';
import type { Strays } from './strays.ts';
import type { ActorSystem } from './system.ts';
import type { Finder } from './whereabouts.ts';

/** What the operations on disks are made of. */
export interface Parts {
  readonly system: ActorSystem;
  readonly decided: Shelf;
  readonly committed: Catalogue;
  readonly pool: Pool;
  readonly hypervisor: Hypervisor;
  readonly finder: Finder;
  readonly alarms: Alarms;
  readonly hosts: Hosts;
  readonly strays: Pick<Strays, 'holderOf'>;
  readonly holders: Pick<HolderBook, 'forget'>;
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
