import { initialAttachment } from '../../../machines/attachment-parts.ts';
import { initialDisk } from '../../../machines/disk-parts.ts';
import type { Caller } from '../../../src/accounts/caller.ts';
import { createExplainService } from '../../../src/disks/explain/explain-service.ts';
import { createListingIndex } from '../../../src/disks/records/listing-index.ts';
import type { StoredAttachment, StoredDisk } from '../../../src/disks/records/records.ts';
import { DISK, RUN, timeouts } from '../../machines/support/events.ts';
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

const on = { host: 'onehost-2.lal.in2p3.fr', node: 'qemu+tcp://onehost-2.lal.in2p3.fr/system' };
const START = Date.UTC(2011, 6, 28, 15);

/** The disk and the node of the examples in the OpenAPI document: a guest is asked to let go of the disk. */
export function documented() {
  const attachment: StoredAttachment = {
    v: 3,
    state: 'detaching',
    context: {
      ...initialAttachment,
      id: 'V1StGXR8_Z5jdHi6B-myT',
      disk: DISK,
      node: on.host,
      vmId: '722',
      vm: { ...on, names: ['722', 'one-722'], domain: '4dea22b3-1d52-4f8e-a5a1-0f7d0f0c5a3c' },
      by: 'test',
      mode: 'hot',
      target: 'vda',
      since: START + 1_200_000,
      attempt: 2,
      deadline: START + 3_663_000,
      run: RUN,
    },
  };
  const disk: StoredDisk = {
    v: 2,
    state: 'hot-attached',
    context: {
      ...initialDisk,
      uuid: DISK,
      owner: 'test',
      tag: 'a simple disk',
      sizeGiB: 2,
      limit: 2,
      created: START + 100_000,
      users: [{ attachment: attachment.context.id, mode: 'hot' }],
    },
  };
  return explained([disk, attachment], [{ key: on.node, name: on.host, up: false }]);
}
