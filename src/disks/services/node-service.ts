import type { Caller } from '../../accounts/caller.ts';
import { errorOf } from '../../errors.ts';
import type { Hypervisor } from '../../hypervisor/hypervisor.ts';
import type { NodeService } from '../service.ts';
import type { Alarms } from '../vms/alarms.ts';
import type { DeadNodes } from '../vms/dead-nodes.ts';
import type { HolderBook } from '../vms/holders.ts';
import type { Hosts } from '../vms/hosts.ts';
import type { Reconciler } from '../vms/reconciler.ts';
import type { VmLocator } from '../vms/vm-locator.ts';
import { runsTheCloud } from './rights.ts';

/** What the operations on nodes need. */
export interface NodeServiceParts {
  readonly hypervisor: Hypervisor;
  readonly hosts: Hosts;
  readonly alarms: Alarms;
  readonly locator: VmLocator;
  readonly holders: HolderBook;
  readonly deadNodes: DeadNodes;
  readonly reconciler: Reconciler;
  /** The system's clock, for timestamps that people read, in milliseconds since 1970. */
  readonly time: () => number;
}

/** The operations on nodes. See `NodeService` for their errors. */
export function createNodeService(parts: NodeServiceParts): NodeService {
  const { hypervisor, hosts, alarms, locator, holders, deadNodes, reconciler, time } = parts;

  /** The canonical key of a node that is configured or was ever met. Throws FORBIDDEN, NODE_UNKNOWN. */
  function known(caller: Caller, node: string): string {
    if (caller.role !== 'admin') {
      throw errorOf('FORBIDDEN', { detail: 'only an administrator may declare what a node is' });
    }
    const key = hypervisor.nodeKey(node);
    if (!hosts.isKnown(key)) throw errorOf('NODE_UNKNOWN', { node });
    return key;
  }

  /** Whether the host on record for this node answers. */
  const answers = (key: string): Promise<boolean> =>
    locator.listDomains(key).then(
      () => true,
      () => false,
    );

  return {
    list(caller) {
      return hypervisor.status().map(({ node: key, uri, state, since, versions, error }) => {
        const names = hypervisor.namesOf(key);
        const declaredDead = hosts.declaration(key);
        const reachable = state === 'up';
        // Until the first attempt to connect has ended there is no error.
        const why = reachable ? null : (error ?? 'it has not answered yet');
        const operation = runsTheCloud(caller)
          ? { uri, error: why, alarm: alarms.of(key) ?? null, declaredDead }
          : null;
        const node = hypervisor.hostOf(key);
        return { node, names, reachable, since, versions: versions ?? null, operation };
      });
    },
    async agree(caller, node, also = () => []) {
      if (caller.role !== 'admin') throw errorOf('FORBIDDEN', { detail: 'only an administrator may agree' });
      const key = hypervisor.nodeKey(node);
      if (!hypervisor.isConfigured(key)) throw errorOf('NODE_NOT_CONFIGURED', { node });
      const alarm = alarms.of(key);
      if (alarm === undefined) throw errorOf('NO_ALARM', { node });
      await alarms.agree(key, also({ alarm }));
      void reconciler.pass(key);
      return { alarm };
    },
    async declareDead(caller, node, reason, also = () => []) {
      const key = known(caller, node);
      const connection = reconciler.connectionOf(key);
      if (await answers(key)) throw errorOf('NODE_ALIVE', { node });
      const releases = await deadNodes.prepare(key);
      // What the administrator vouched for may be over: a node that has come back may have got disks since.
      if (reconciler.connectionOf(key) !== connection) {
        throw errorOf('NODE_ALIVE', { node, detail: 'it has been linked since the request came' });
      }
      const outcome = { released: releases.disks };
      await hosts.declare(key, { by: caller.account, reason, since: time() }, also(outcome));
      await deadNodes.tell(key, releases);
      // VMs of other nodes may have waited for this node to answer.
      void reconciler.passAll();
      return outcome;
    },
    async declareAlive(caller, node, also = () => []) {
      const key = known(caller, node);
      if (!hosts.declaration(key)) throw errorOf('NODE_NOT_DECLARED_DEAD', { node });
      // Devices that its VMs still have are unplugged only while the node counts as dead, so they are
      // inspected first.
      await locator.listDomains(key);
      await reconciler.pass(key);
      const unseen = holders.unseen().get(key);
      if (unseen !== undefined) throw errorOf('NODE_UNREACHABLE', { node, detail: unseen });
      const still = [...holders.all()].filter(one => one.node === key && one.by === 'alias');
      if (still.length > 0)
        throw errorOf('NODE_STILL_HOLDS', { node, detail: still.map(({ disk }) => disk).join(', ') });
      await hosts.declare(key, null, also());
      void reconciler.pass(key);
    },
  };
}
