import { monotonicNow } from '../lib/clock.ts';
import { LIST_MANAGED_SAVE } from '../libvirt/constants.ts';
import { withDeadline } from './deadline.ts';
import { unanswered } from './domain-lookup.ts';
import { askHost } from './host.ts';
import type { DomainList } from './hypervisor.ts';
import type { NodeLink } from './node-link.ts';

/**
 * The list of all domains of a node. All of it comes over one connection, and `active` from a single answer:
 * with one call for running and one for inactive domains, a domain that changes in between could be in
 * neither. Which domains have a managed save image is asked before and after, so that a domain that is just
 * being saved or restored counts as saved. Throws NODE_UNREACHABLE.
 */
export async function readDomainList(
  link: NodeLink,
  deadline: number,
  signal?: AbortSignal,
): Promise<DomainList> {
  try {
    const { client, generation, upAt } = await link.questions(deadline, signal);
    return await withDeadline(deadline, signal, async limit => {
      const hostUuid = await askHost(client, limit);
      const before = await client.listDomains(LIST_MANAGED_SAVE, { signal: limit });
      const ageMs = monotonicNow() - upAt;
      const all = await client.listDomains(0, { signal: limit });
      const after = await client.listDomains(LIST_MANAGED_SAVE, { signal: limit });
      const saved = new Set([...before, ...after].map(({ uuid }) => uuid));
      const domains = all.map(({ uuid, name, id }) => {
        const active = id !== -1;
        return { uuid, name, id, active, saved: !active && saved.has(uuid) };
      });
      return { hostUuid, generation, ageMs, domains };
    });
  } catch (error) {
    throw unanswered(link.host, error);
  }
}
