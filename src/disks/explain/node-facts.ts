import type { Hypervisor } from '../../hypervisor/hypervisor.ts';
import type { Alarms } from '../vms/alarms.ts';
import type { Hosts } from '../vms/hosts.ts';
import { timeText } from './times.ts';

/** What is known of one node, without asking it. */
export interface NodeFacts {
  /** The node's canonical key; `host` is its first name. */
  readonly node: string;
  readonly host: string;
  readonly reachable: boolean;
  /** Since when it is reachable or not, in milliseconds since 1970; null: it was never linked. */
  readonly since: number | null;
  /** Why it cannot be reached; null: it can. */
  readonly error: string | null;
  readonly alarm: string | null;
  readonly declaredDead: ReturnType<Hosts['declaration']>;
}

/** Reads what is known of nodes: their links, alarms and declarations. */
export interface NodeBook {
  of(node: string): NodeFacts;
  /** The nodes that could run a VM, but do not answer. */
  silent(): readonly NodeFacts[];
}

/** Reads from links, alarms and declarations; nothing is asked of a node. */
export function createNodeBook(parts: {
  readonly hypervisor: Pick<Hypervisor, 'status' | 'hostOf'>;
  readonly hosts: Pick<Hosts, 'candidates' | 'declaration'>;
  readonly alarms: Pick<Alarms, 'of'>;
}): NodeBook {
  const { hypervisor, hosts, alarms } = parts;

  function of(node: string): NodeFacts {
    const status = hypervisor.status().find(one => one.node === node);
    const reachable = status?.state === 'up';
    return {
      node,
      host: hypervisor.hostOf(node),
      reachable,
      since: status?.since ?? null,
      error: reachable ? null : (status?.error ?? 'it has not answered yet'),
      alarm: alarms.of(node) ?? null,
      declaredDead: hosts.declaration(node),
    };
  }

  return {
    of,
    silent() {
      const up = new Set(hypervisor.status().flatMap(one => (one.state === 'up' ? [one.node] : [])));
      return hosts
        .candidates()
        .filter(node => !up.has(node))
        .map(of);
    },
  };
}

/** The state of a node as sentences. `whole`: with errors, alarms and declarations. */
export function nodeSentences(facts: NodeFacts, whole: boolean): string[] {
  const { host, reachable, since, error, alarm, declaredDead } = facts;
  const begun = since === null ? '' : ` since ${timeText(since)}`;
  const why = whole && error !== null ? `: ${error}` : '';
  return [
    reachable
      ? `Node '${host}' has been reachable${begun}.`
      : `Node '${host}' has not been reachable${begun}${why}.`,
    ...(whole && alarm !== null
      ? [`Nothing is released there, because its reports are not believed: ${alarm}.`]
      : []),
    ...(whole && declaredDead !== null
      ? [
          `It was declared dead by ${declaredDead.by} at ${timeText(declaredDead.since)}: ${declaredDead.reason}.`,
        ]
      : []),
  ];
}
