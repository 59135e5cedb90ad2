import type { Caller } from '../../../src/accounts/caller.ts';
import { createExplainService } from '../../../src/disks/explain/explain-service.ts';
import { createListingIndex } from '../../../src/disks/records/listing-index.ts';
import type { StoredAttachment, StoredDisk } from '../../../src/disks/records/records.ts';
import { timeouts } from '../../machines/events.ts';
import { standInHolders } from './holders.ts';

/** The owner of the disk in the played charts, somebody else, and an administrator. */
export const alice: Caller = { account: 'alice', role: 'user' };
export const eve: Caller = { account: 'eve', role: 'user' };
export const admin: Caller = { account: 'admin', role: 'admin' };

/** One node by its canonical key, and how it is. */
interface Node {
  readonly key: string;
  readonly name: string;
  readonly up: boolean;
  readonly alarm?: string;
  readonly dead?: { by: string; reason: string; since: number };
}

/** Explanations of these records beside these nodes, with live domains that a test adds to `live`. */
export function explained(records: readonly (StoredDisk | StoredAttachment)[], nodes: readonly Node[] = []) {
  const committed = createListingIndex();
  for (const record of records) {
    const { context } = record;
    committed.set('uuid' in context ? `disk/${context.uuid}` : `attachment/${context.id}`, record);
  }
  const { holders, live } = standInHolders();
  const known = (key: string) => nodes.find(one => one.key === key);
  const service = createExplainService({
    committed,
    waitSince: () => Date.UTC(2011, 6, 28, 16),
    hypervisor: {
      status: () =>
        nodes.map(({ key, up }) => ({
          node: key,
          uri: key,
          state: up ? ('up' as const) : ('down' as const),
          since: Date.UTC(2011, 6, 28, 15),
          versions: undefined,
          error: up ? undefined : 'connection refused',
        })),
      hostOf: key => known(key)?.name ?? key,
      nodeKey: name => nodes.find(one => one.name === name)?.key ?? name,
      namesOf: key => [known(key)?.name ?? key],
    },
    hosts: {
      candidates: () => nodes.filter(one => !one.dead).map(({ key }) => key),
      all: () => nodes.map(({ key }) => key),
      uuidOf: () => undefined,
      isKnown: key => known(key) !== undefined,
      declaration: key => known(key)?.dead ?? null,
      learn: async () => {},
      declare: async () => {},
    },
    alarms: { of: key => known(key)?.alarm },
    holders,
    now: () => Date.UTC(2011, 6, 28, 16),
    time: () => Date.UTC(2011, 6, 28, 16),
    timeouts,
  });
  return { ...service, live };
}
