import type { Definition } from '../../../src/disks/vms/definitions.ts';
import type { Holder, Holders } from '../../../src/disks/vms/holders.ts';

/** A live domain `one-NAME` on node n1 that has a disk as vdb, with these fields replaced. */
export const holderOf = (disk: string, more: Partial<Holder> = {}): Holder => ({
  disk,
  node: 'key of n1',
  host: 'n1',
  domain: { uuid: 'domain of one-1', name: 'one-1' },
  target: 'vdb',
  by: 'alias',
  source: `/pool/${disk}.raw`,
  diverted: false,
  ...more,
});

/** A definition on node n1 that has a disk. */
export const definitionOf = (disk: string): Definition => {
  const { node, host, domain } = holderOf(disk);
  return { disk, node, host, domain };
};

/** Holders whose lists a test changes: `live` domains, and `silent` nodes with the reason of each. */
export function standInHolders() {
  const live: Holder[] = [];
  const silent = new Map<string, string>();
  const holders: Holders = {
    of: disk => live.filter(one => one.disk === disk),
    all: () => live,
    unseen: () => silent,
    ready: async () => {},
  };
  return { holders, live, silent };
}
