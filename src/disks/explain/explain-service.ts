import type { Timeouts } from '../../../machines/stamp.ts';
import type { Hypervisor } from '../../hypervisor/hypervisor.ts';
import type { RecordIndex } from '../records/record-index.ts';
import type { ExplainService } from '../service.ts';
import type { Alarms } from '../vms/alarms.ts';
import type { Holders } from '../vms/holders.ts';
import type { Hosts } from '../vms/hosts.ts';
import { explainDisks } from './disk-why.ts';
import { createNodeBook } from './node-facts.ts';
import { explainNodes } from './node-why.ts';
import { createWays } from './ways.ts';

/** Explains disks and nodes. It reads records, charts and what is known of hosts, and changes nothing. */
export function createExplainService(parts: {
  readonly committed: RecordIndex;
  readonly waitSince: (key: string) => number | undefined;
  readonly hypervisor: Pick<Hypervisor, 'status' | 'hostOf' | 'nodeKey' | 'namesOf'>;
  readonly hosts: Hosts;
  readonly alarms: Pick<Alarms, 'of'>;
  readonly holders: Pick<Holders, 'of'>;
  readonly now: () => number;
  readonly time: () => number;
  readonly timeouts: Timeouts;
}): ExplainService {
  const nodes = createNodeBook(parts);
  const ways = createWays({ ...parts, nodes });
  return { disk: explainDisks({ ...parts, nodes, ways }), node: explainNodes({ ...parts, nodes }) };
}
