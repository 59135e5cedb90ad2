import { randomUUID } from 'node:crypto';
import type { DriftService } from '../../../src/disks/drift/drift-watch.ts';
import type {
  ChartService,
  DiskDetails,
  DiskService,
  DiskView,
  ExplainService,
  Force,
  NodeService,
} from '../../../src/disks/service.ts';
import type { LeftoverService } from '../../../src/disks/services/leftover-service.ts';
import { errorOf } from '../../../src/errors.ts';

/** UUIDs of the two disks in the examples of the user's document. */
export const FIRST = 'eb198dec-3560-4a9a-b3b4-5f043410a3dd';
export const SECOND = '7d409aed-3207-4dd1-85f3-3bca3605b1fb';

/** The disks of the user's document. */
const documented: readonly DiskView[] = [
  {
    uuid: FIRST,
    owner: 'test',
    tag: 'a simple disk',
    visibility: 'private',
    sizeGiB: 2,
    created: Date.UTC(2011, 6, 28, 15, 1, 40),
    users: 0,
    limit: 1,
  },
  {
    uuid: SECOND,
    owner: 'test',
    tag: 'a public disk',
    visibility: 'public',
    sizeGiB: 1,
    created: Date.UTC(2011, 6, 28, 15, 1, 54),
    users: 0,
    limit: 1,
  },
];

/**
 * The calls of a disk service that change something, one line each: the method and its arguments without
 * caller and cause.
 */
export interface DiskDouble extends DiskService {
  readonly disks: Map<string, DiskView>;
  readonly calls: unknown[][];
}

const detailed = (disk: DiskView): DiskDetails => ({
  ...disk,
  state: 'available',
  reason: null,
  attachments: [],
  waiting: [],
  wiped: null,
});

const vouched = (force: Force | undefined) => (force ? { vouched: `it is gone: ${force.reason}` } : {});

/** Disks in memory. The only rule is that a disk must exist. Given methods replace its own. */
export function diskDouble(replaced: Partial<DiskService> = {}): DiskDouble {
  const disks = new Map(documented.map(disk => [disk.uuid, disk]));
  const calls: unknown[][] = [];
  const known = (uuid: string): DiskView => {
    const disk = disks.get(uuid);
    if (!disk) throw errorOf('DISK_UNKNOWN', { disk: uuid });
    return disk;
  };
  return {
    disks,
    calls,
    list: () => [...disks.values()],
    blocks: () => undefined,
    get: (_caller, uuid) => known(uuid),
    listDetails: () => [...disks.values()].map(detailed),
    getDetails: (_caller, uuid) => detailed(known(uuid)),
    version: (_caller, uuid) => `${known(uuid).tag.length}-${known(uuid).limit}`,
    onVm: () => [],
    attachments: () => [],
    space: async () => ({ capacityGiB: 100, allocatedGiB: 3, freeGiB: 97 }),
    async edit(_caller, uuid, { tag, visibility }) {
      const disk = known(uuid);
      calls.push(['edit', uuid, tag, visibility]);
      disks.set(uuid, { ...disk, tag: tag ?? disk.tag, visibility: visibility ?? disk.visibility });
    },
    async create({ account }, { sizeGiB, tag, visibility }, _cause) {
      const uuid = randomUUID();
      calls.push(['create', sizeGiB, tag, visibility]);
      disks.set(uuid, {
        uuid,
        owner: account,
        tag,
        visibility,
        sizeGiB,
        created: Date.now(),
        users: 0,
        limit: 1,
      });
      return { uuid };
    },
    async resize(_caller, uuid, sizeGiB) {
      calls.push(['grow', uuid, sizeGiB]);
      disks.set(uuid, { ...known(uuid), sizeGiB });
    },
    async delete(_caller, uuid) {
      known(uuid);
      calls.push(['remove', uuid]);
      disks.delete(uuid);
    },
    async retry(_caller, uuid) {
      known(uuid);
      calls.push(['retry', uuid]);
    },
    async hotattach(_caller, uuid, vm) {
      known(uuid);
      calls.push(['hotattach', uuid, vm]);
      return { target: 'vda', uuids: [SECOND, uuid] };
    },
    async hotdetach(_caller, uuid, vm, _cause, force) {
      known(uuid);
      calls.push(['hotdetach', uuid, vm, ...(force ? [force] : [])]);
      return { target: 'vda', uuids: [], ...vouched(force) };
    },
    async attach(_caller, uuid, vm) {
      known(uuid);
      calls.push(['attach', uuid, vm]);
      return { uuids: [uuid] };
    },
    async detach(_caller, vm, _cause, force) {
      calls.push(['detach', vm, ...(force ? [force] : [])]);
      return { uuids: [FIRST, SECOND], ...vouched(force) };
    },
    async element(_caller, uuid, vm, target) {
      known(uuid);
      calls.push(['element', uuid, vm, target]);
      return `<disk><target dev='${target ?? 'vdb'}'/></disk>`;
    },
    async setLimit(_caller, uuid, limit) {
      const disk = known(uuid);
      calls.push(['setLimit', uuid, limit]);
      disks.set(uuid, { ...disk, limit });
    },
    atRest: async () => 'gone',
    disksOn: () => [],
    ownedBy(account) {
      const owned = [...disks.values()].filter(disk => disk.owner === account);
      return { disks: owned.length, sizeGiB: owned.reduce((sum, disk) => sum + disk.sizeGiB, 0) };
    },
    quotaOf: () => ({ disks: Number.POSITIVE_INFINITY, sizeGiB: Number.POSITIVE_INFINITY }),
    ...replaced,
  };
}

/** Nodes, of which `alarmed` has an alarm. */
export const nodeDouble: NodeService = {
  list: () => [],
  async agree({ role }, node) {
    if (role !== 'admin') throw errorOf('FORBIDDEN');
    if (node !== 'alarmed') throw errorOf('NO_ALARM', { node });
    return { alarm: 'another host answers' };
  },
  async declareDead({ role }, node) {
    if (role !== 'admin') throw errorOf('FORBIDDEN');
    if (node !== 'burnt') throw errorOf('NODE_ALIVE', { node });
    return { released: [FIRST] };
  },
  async declareAlive({ role }, node) {
    if (role !== 'admin') throw errorOf('FORBIDDEN');
    if (node !== 'burnt') throw errorOf('NODE_NOT_DECLARED_DEAD', { node });
  },
};

/** One volume that belongs to no disk; nothing prevents its adoption or removal. */
export const leftoverDouble = (calls: unknown[][] = []): LeftoverService => {
  const known = (uuid: string): void => {
    if (uuid !== FIRST) throw errorOf('LEFTOVER_UNKNOWN', { disk: uuid });
  };
  return {
    list: async () => [
      {
        uuid: FIRST,
        bytes: 2 ** 31,
        createdMs: Date.UTC(2011, 6, 28, 15, 1, 40),
        since: Date.UTC(2011, 6, 28, 15, 20),
        holders: [],
      },
    ],
    async adopt(_caller, uuid, adoption) {
      known(uuid);
      calls.push(['adopt', uuid, adoption]);
      return { overQuota: true };
    },
    async remove(_caller, uuid) {
      known(uuid);
      calls.push(['remove', uuid]);
    },
    isOverQuota: () => false,
  };
};

/** A drift service without any difference. */
export const driftDouble: DriftService = { list: async () => [] };

/** Explanations without any disk or node. */
export const explainDouble: ExplainService = {
  disk: (_caller, uuid) => {
    throw errorOf('DISK_UNKNOWN', { disk: uuid });
  },
  node: (_caller, node) => {
    throw errorOf('NODE_UNKNOWN', { node });
  },
};

/** A chart service without any disk. */
export const chartDouble: ChartService = {
  place: async (_caller, uuid) => {
    throw errorOf('DISK_UNKNOWN', { disk: uuid });
  },
  counts: () => ({ disk: new Map(), attachment: new Map() }),
};
