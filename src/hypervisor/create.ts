import type { Vm } from '../../machines/vm.ts';
import { PdiskError, reasonOf } from '../errors.ts';
import { keyedMutex } from '../lib/keyed-mutex.ts';
import { clientCertificate } from '../libvirt/certificate.ts';
import { diskElement } from './disk-xml.ts';
import { readDomainList } from './domain-list.ts';
import { domainOf } from './domain-lookup.ts';
import type { DomainName, Hypervisor, NodeWatcher } from './hypervisor.ts';
import { type Turn, turnOf } from './lifecycle.ts';
import { createLinks } from './links.ts';
import { lookAt } from './look.ts';
import type { Log, NodeLinkOptions } from './node-link.ts';
import { configuredNodes, normalHost } from './nodes.ts';
import { defaultTimes, type Operations, type Times } from './operations.ts';
import { plug } from './plug.ts';
import { resize } from './resize.ts';
import { domainsNamed, resolveVm } from './resolve.ts';
import { createRuns } from './runs.ts';
import { undefineDisk } from './undefine-disk.ts';
import { unplug } from './unplug.ts';

/** Lifecycle changes that do not end the run. */
const GOING_ON: ReadonlySet<Turn['kind']> = new Set(['running', 'switching', 'defined']);

/** The settings of a hypervisor. */
export interface HypervisorOptions {
  /** Node name to libvirt URI. The name "*", with {node} in its URI, means every other node. */
  readonly nodes: ReadonlyMap<string, string>;
  /** Patterns with {vm_id}: each gives one domain name that a vm_id may mean. */
  readonly vmNames: readonly string[];
  readonly log: Log;
  readonly times?: Partial<Times>;
  /** Opens a connection to libvirt. Default: over a socket. Only simulations set it. */
  readonly open?: NodeLinkOptions['open'];
}

/**
 * The hypervisor over libvirt. It connects to no node until a method needs one. Throws libvirt's Unsupported,
 * with a sentence, for a node's URI that this client cannot connect to.
 */
export function createHypervisor({
  nodes: setting,
  vmNames,
  log,
  times = {},
  open,
}: HypervisorOptions): Hypervisor {
  const nodes = configuredNodes(setting);
  const allTimes = { ...defaultTimes, ...times };
  const links = createLinks(nodes, { log, open, ...allTimes });
  const runs = createRuns();
  const operations: Operations = { links, runs, takeTurn: keyedMutex(), times: allTimes };
  const watchers = new Set<NodeWatcher>();

  /** Passes one lifecycle change of a VM to one watcher. `watched`: see `NodeWatcher.ended`. */
  function tell(
    watcher: NodeWatcher,
    node: string,
    domain: DomainName,
    turn: Turn,
    watched: number | null,
  ): void {
    if (turn.kind === 'running') watcher.running(node, domain);
    else if (turn.kind === 'changed' || turn.kind === 'defined') watcher.changed(node, domain);
    else if (turn.kind === 'ended') watcher.ended(node, domain, turn.how, watched);
    else watcher.left(node, domain, turn.kind);
  }

  links.onUp((node, generation) => {
    runs.begin(node, generation);
    for (const watcher of watchers) watcher.up(node, generation);
  });
  links.onEvent((node, event) => {
    const { domain } = event;
    const turn = turnOf(event);
    if (turn?.kind === 'running' && domain.id !== -1) runs.started(node, domain.uuid, domain.id);
    const watched = turn?.kind === 'ended' ? (runs.ended(node, domain.uuid) ?? null) : null;
    if (turn && !GOING_ON.has(turn.kind) && turn.kind !== 'ended') runs.left(node, domain.uuid);
    for (const watcher of watchers) {
      if (turn) tell(watcher, node, domain, turn, watched);
      else if (event.type === 'device-removed') watcher.deviceRemoved(node, domain, event.alias);
      else if (event.type === 'device-added') watcher.deviceAdded(node, domain, event.alias);
    }
  });

  function vmNamed(node: string, vmId: string): Vm {
    // A function, because replaceAll interprets dollar signs in a replacement string.
    const names = vmNames.map(pattern => pattern.replaceAll('{vm_id}', () => vmId));
    return { host: normalHost(node), node: nodes.keyOf(node), names: [...new Set(names)], domain: null };
  }

  return {
    vm: vmNamed,
    nodeKey: nodes.keyOf,
    isConfigured: key => nodes.node(key) !== undefined,
    linkedNodes: links.keys,
    namedNodes: nodes.named,
    hostOf: nodes.hostOf,
    lastEnd: runs.lastEnd,
    namesOf: nodes.namesOf,
    status: links.status,

    async resolve(node, vmId, deadline, signal) {
      return resolveVm(operations, vmNamed(node, vmId), vmId, deadline, signal);
    },

    async plug(vm, spec, deadline, signal) {
      try {
        links.pin(vm.node);
        return await plug(operations, vm, spec, deadline, signal);
      } catch (error) {
        return { kind: 'unknown', detail: reasonOf(error) };
      }
    },

    async unplug(vm, disk, expected, deadline, signal) {
      try {
        links.pin(vm.node);
        return await unplug(operations, vm, disk, expected, deadline, signal);
      } catch (error) {
        const unreachable = error instanceof PdiskError;
        return {
          kind: 'failed',
          code: unreachable ? 'NODE_UNREACHABLE' : 'UNPLUG_UNKNOWN',
          detail: reasonOf(error),
        };
      }
    },

    async resize(vm, disk, bytes, deadline, signal) {
      try {
        return await resize(operations, vm, disk, bytes, deadline, signal);
      } catch (error) {
        return { kind: 'pending', detail: reasonOf(error) };
      }
    },

    diskElement,

    async look(nodeKey, domain, deadline, signal) {
      return lookAt(links.get(nodeKey), nodeKey, runs, domainOf(domain), deadline, signal);
    },

    async undefineDisk(nodeKey, domain, disk, deadline, signal = new AbortController().signal) {
      try {
        return await undefineDisk(operations, nodeKey, domain, disk, deadline, signal);
      } catch (error) {
        return reasonOf(error);
      }
    },

    async domainsNamed(vm, deadline, signal) {
      return domainsNamed(links.get(vm.node), vm.names, deadline, signal);
    },

    async listDomains(nodeKey, deadline, signal) {
      return readDomainList(links.get(nodeKey), deadline, signal);
    },

    link(nodeKey) {
      if (nodes.node(nodeKey)) links.pin(nodeKey);
    },

    renewNodes(setting) {
      const { added, moved, removed, refused } = nodes.renew(setting);
      links.renew();
      for (const key of added) links.pin(key);
      const names = (keys: readonly string[]) => keys.flatMap(nodes.namesOf);
      return { added: names(added), moved: names(moved), removed: names(removed), refused };
    },

    async certificateExpiries() {
      const expiries = links.status().map(async ({ node, uri }) => {
        const found = await clientCertificate(uri).catch(() => ({ expiresAt: Number.NaN }));
        return found ? ([[node, found.expiresAt]] as const) : [];
      });
      return new Map((await Promise.all(expiries)).flat());
    },

    watch(watcher) {
      watchers.add(watcher);
      return () => {
        watchers.delete(watcher);
      };
    },

    close: links.close,
  };
}
