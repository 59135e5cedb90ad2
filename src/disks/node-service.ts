import { errorOf } from '../errors.ts';
import type { Hypervisor } from '../hypervisor/hypervisor.ts';
import type { Alarms } from './alarms.ts';
import type { Reconciler } from './reconcile.ts';
import type { NodeService } from './service.ts';

/** What administrators do with nodes. */
export function createNodeService(parts: {
  readonly hypervisor: Hypervisor;
  readonly alarms: Alarms;
  readonly reconciler: Reconciler;
}): NodeService {
  const { hypervisor, alarms, reconciler } = parts;
  return {
    async agree(caller, node) {
      if (caller.role !== 'admin') throw errorOf('FORBIDDEN', { detail: 'only an administrator may agree' });
      const key = hypervisor.nodeKey(node);
      if (!hypervisor.isConfigured(key)) throw errorOf('NODE_NOT_CONFIGURED', { node });
      const alarm = alarms.of(key);
      if (alarm === undefined) throw errorOf('NO_ALARM', { node });
      await alarms.agree(key);
      void reconciler.pass(key);
      return { alarm };
    },
  };
}
