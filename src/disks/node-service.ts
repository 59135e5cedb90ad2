import { errorOf } from '../errors.ts';
import type { Hypervisor } from '../hypervisor/hypervisor.ts';
import type { Alarms } from './alarms.ts';
import type { Reconciler } from './reconcile.ts';
import { runsTheCloud } from './rights.ts';
import type { NodeService } from './service.ts';

/** What is known of nodes, and what administrators do with them. */
export function createNodeService(parts: {
  readonly hypervisor: Hypervisor;
  readonly alarms: Alarms;
  readonly reconciler: Reconciler;
}): NodeService {
  const { hypervisor, alarms, reconciler } = parts;
  return {
    list(caller) {
      return hypervisor.status().map(({ node: key, uri, state, since, versions, error = null }) => {
        const names = hypervisor.namesOf(key);
        const operation = runsTheCloud(caller)
          ? { uri, error, alarm: alarms.of(key) ?? null, declaredDead: null }
          : null;
        const node = hypervisor.hostOf(key);
        return { node, names, reachable: state === 'up', since, versions: versions ?? null, operation };
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
    async declareDead({ role }) {
      throw errorOf(role === 'admin' ? 'INTERNAL' : 'FORBIDDEN');
    },
    async declareAlive({ role }) {
      throw errorOf(role === 'admin' ? 'INTERNAL' : 'FORBIDDEN');
    },
  };
}
