// The only place that determines where a VM is, for passes over a node, libvirt's events, detach calls and
// unplugs. It reports facts; the charts decide what follows.
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Vm } from '../../../machines/vm.ts';
import type { RunEnd, VmLocation } from '../../../machines/vm-location.ts';
import { errorOf, PdiskError } from '../../errors.ts';
import type { DomainList, Hypervisor, Look } from '../../hypervisor/hypervisor.ts';
import { coalesce } from '../../lib/coalesce.ts';
import type { RecordIndex } from '../records/record-index.ts';
import { isPlugged } from '../records/records.ts';
import type { Alarms } from './alarms.ts';
import type { DefinitionBook } from './definitions.ts';
import type { Hosts } from './hosts.ts';
import { heldByDomain } from './vm-attachments.ts';

/** What the locator needs. */
export interface VmLocatorParts {
  readonly hypervisor: Hypervisor;
  readonly hosts: Hosts;
  readonly alarms: Alarms;
  readonly decided: RecordIndex;
  readonly definitions: Pick<DefinitionBook, 'of'>;
  readonly now: () => number;
  /** How long a node may take to answer a question, in milliseconds. */
  readonly questionMs: number;
  /** How old a connection must be before a domain's absence from it counts, in milliseconds. */
  readonly settlingMs: number;
}

/** Finds VMs by asking nodes. */
export interface VmLocator {
  /**
   * The complete list of a node's domains, from the host on record; concurrent calls share one request.
   * Rejects with NODE_NOT_CONFIGURED, NODE_UNREACHABLE, and with NODE_DOUBTED if another host answers.
   */
  listDomains(node: string): Promise<DomainList>;
  /**
   * Finds a VM by its domain UUID. `end`: how its run was seen to end. `mayWait`: false to count nodes that
   * would have to be waited for as silent; true by default. `homeIsDead`: true to leave out its own node,
   * because an administrator declares it dead. Does not reject for nodes that fail: they count as silent.
   */
  find(
    vm: Vm,
    how?: { readonly end?: RunEnd; readonly mayWait?: boolean; readonly homeIsDead?: boolean },
  ): Promise<VmLocation>;
  /**
   * Our disks in the VM's definitions on all nodes but `node`, and in its live domain there: a migration
   * leaves a definition behind, and the VM may be, or have been, started from it. Nodes that do not answer
   * are not waited for: their definitions count as they were when they were last inspected.
   */
  definedElsewhere(vm: Vm, node: string): Promise<readonly string[]>;
  /** Finds a VM that is known only by its names; only its own node is asked. */
  findNamed(vm: Vm): Promise<VmLocation>;
  /** Aborts all searches. */
  stop(): void;
}

/** How often a node is asked again while its connection is too young. */
const SETTLING_ATTEMPTS = 3;

type Found = Exclude<VmLocation, { at: 'nowhere' }>;
type NodeFinding =
  | Found
  | { readonly at: 'absent'; readonly end: RunEnd | null; readonly defined: readonly string[] }
  | { readonly silent: string };

/** The result if no node is asked, or if none shows the VM. */
export const NOWHERE = {
  at: 'nowhere',
  silent: [],
  unread: [],
  end: null,
  over: false,
  defined: [],
} as const;

const ABSENT: NodeFinding = { at: 'absent', end: null, defined: [] };

const isFound = (finding: NodeFinding): finding is Found => 'at' in finding && finding.at !== 'absent';

/** The VM may have ended on its own node since, and run on another one already. */
const livesWith = (finding: NodeFinding): readonly string[] =>
  'at' in finding && finding.at === 'running' ? (finding.disks ?? []) : [];

const definedBy = (finding: NodeFinding): readonly string[] => ('defined' in finding ? finding.defined : []);

const reasonWhy = (error: unknown): string => {
  if (error instanceof PdiskError) return error.message;
  throw error;
};

/** Creates a locator; no node is asked before the first call. */
export function createVmLocator(parts: VmLocatorParts): VmLocator {
  const { hypervisor, hosts, alarms, decided, definitions, now, questionMs, settlingMs } = parts;
  const sharedLists = new Map<string, () => Promise<DomainList>>();
  const latest = new Map<string, { readonly askedAt: number; readonly answer: Promise<DomainList> }>();
  const stopping = new AbortController();
  // Many calls may wait at once for nodes that have just been linked.
  setMaxListeners(0, stopping.signal);

  async function ask(node: string): Promise<DomainList> {
    if (!hypervisor.isConfigured(node)) {
      throw errorOf('NODE_NOT_CONFIGURED', { node: hypervisor.hostOf(node) });
    }
    const list = await hypervisor.listDomains(node, now() + questionMs, stopping.signal);
    const users = decided.attachmentsOn(node).map(one => one.context.vm.host);
    await alarms.checkHost(node, [...new Set([hypervisor.hostOf(node), ...users])], list.hostUuid);
    const detail = alarms.ofHost(node);
    if (detail !== undefined) throw errorOf('NODE_DOUBTED', { node: hypervisor.hostOf(node), detail });
    return list;
  }

  function begin(node: string): Promise<DomainList> {
    const list = { askedAt: now(), answer: ask(node) };
    latest.set(node, list);
    list.answer.catch(() => {
      if (latest.get(node) === list) latest.delete(node);
    });
    return list.answer;
  }

  /** A list that was requested at `since` or later. */
  function listDomains(node: string, since = now()): Promise<DomainList> {
    const list = latest.get(node);
    if (list && list.askedAt >= since) return list.answer;
    const shared = sharedLists.get(node) ?? coalesce(() => begin(node));
    sharedLists.set(node, shared);
    return shared();
  }

  const isSettled = ({ ageMs }: DomainList): boolean => ageMs >= settlingMs;

  /**
   * The list, or a later one from a connection old enough for absence to count; a young one after the last
   * attempt, if the node keeps losing its connection.
   */
  async function settled(node: string, list: DomainList, attempts = SETTLING_ATTEMPTS): Promise<DomainList> {
    if (isSettled(list) || attempts === 0 || stopping.signal.aborted) return list;
    await delay(settlingMs - list.ageMs, undefined, { signal: stopping.signal }).catch(() => {});
    return settled(node, await listDomains(node), attempts - 1);
  }

  function findingFrom(vm: Vm, node: string, look: Look): NodeFinding {
    switch (look.kind) {
      case 'running': {
        const disks = [...new Set(look.disks.map(({ disk }) => disk))];
        const at = { ...vm, node, host: hypervisor.hostOf(node) };
        const { run, defined } = look;
        return { at: 'running', vm: at, run, disks, homeIsSilent: false, defined };
      }
      case 'moving':
        return { at: 'moving', node };
      case 'saved':
        return { at: 'saved' };
      case 'off':
        return {
          at: 'absent',
          end: look.how && { how: look.how, node, host: look.host, watched: null },
          defined: look.defined,
        };
      case 'absent':
        return ABSENT;
    }
  }

  const lookAt = async (vm: Vm, node: string, domain: string): Promise<NodeFinding> =>
    findingFrom(vm, node, await hypervisor.look(node, domain, now() + questionMs, stopping.signal));

  /**
   * What one node reports of a VM. `mayWait`: also wait for a node that must be linked first or has just been
   * linked.
   */
  async function findingOn(vm: Vm, node: string, mayWait: boolean, since: number): Promise<NodeFinding> {
    const domain = vm.domain ?? '';
    try {
      if (!mayWait && !isUp(node)) return { silent: `node '${hypervisor.hostOf(node)}' was not asked` };
      const first = await listDomains(node, since);
      const isListed = ({ domains }: DomainList): boolean => domains.some(({ uuid }) => uuid === domain);
      const list = mayWait && !isListed(first) ? await settled(node, first) : first;
      if (isListed(list)) return await lookAt(vm, node, domain);
      if (isSettled(list)) return ABSENT;
      return { silent: `node '${hypervisor.hostOf(node)}' has only just been linked` };
    } catch (error) {
      return { silent: reasonWhy(error) };
    }
  }

  const isUp = (node: string): boolean =>
    hypervisor.status().some(status => status.node === node && status.state === 'up');

  const lastEndOn = (node: string, { domain }: Vm): number | null | undefined =>
    isUp(node) ? hypervisor.lastEnd(node, domain ?? '') : undefined;

  const hostUuidOf = (node: string): string | undefined => hosts.uuidOf(hypervisor.hostOf(node));

  /**
   * Why hosts that could have the VM did not answer. One host may be known as two nodes, and have answered as
   * the other.
   */
  function silence(findings: ReadonlyMap<string, NodeFinding>): string[] {
    const answered = [...findings]
      .filter(([, finding]) => !('silent' in finding))
      .map(([node]) => hostUuidOf(node));
    const silent = [...findings].flatMap(([node, finding]) => {
      const uuid = hostUuidOf(node);
      return 'silent' in finding && !(uuid && answered.includes(uuid)) ? [finding.silent] : [];
    });
    return [...new Set(silent)];
  }

  async function definedElsewhere(vm: Vm, node: string): Promise<readonly string[]> {
    const since = now();
    const others = hosts.all().filter(other => other !== node);
    const held = await Promise.all(others.map(other => heldOn(vm, other, since)));
    return [...new Set(held.flat())];
  }

  async function heldOn(vm: Vm, node: string, since: number): Promise<readonly string[]> {
    const finding = await findingOn(vm, node, false, since);
    if (!('silent' in finding)) return [...definedBy(finding), ...livesWith(finding)];
    return hosts.declaration(node) === null ? definitions.of(node, vm.domain ?? '') : [];
  }

  /** A running VM that lacks a disk gives it up only if no definition on another node has the disk. */
  async function withElsewhere(vm: Vm, found: Found): Promise<Found> {
    if (found.at !== 'running' || !lacksDisk(vm, found.disks)) return found;
    return { ...found, defined: [...found.defined, ...(await definedElsewhere(vm, found.vm.node))] };
  }

  const lacksDisk = (vm: Vm, disks: readonly string[] | null): boolean =>
    vm.domain !== null &&
    heldByDomain(decided, vm.domain).some(
      one => isPlugged(one) && disks?.includes(one.context.disk) === false,
    );

  /**
   * What another node than the VM's own reports. A node that was declared dead may be back, and the VM may
   * have migrated there: it is asked if it is linked, and only a VM that it shows counts.
   */
  async function findingElsewhere(
    vm: Vm,
    node: string,
    mayWait: boolean,
    since: number,
  ): Promise<readonly (readonly [string, NodeFinding])[]> {
    const isDead = hosts.declaration(node) !== null;
    const finding = await findingOn(vm, node, mayWait && !isDead, since);
    return isDead && !isFound(finding) ? [] : [[node, finding]];
  }

  /**
   * Asks the VM's own node first, because during a migration two nodes show it; then all other nodes in
   * parallel.
   */
  async function look(vm: Vm, mayWait: boolean, homeIsDead: boolean): Promise<VmLocation> {
    const since = now();
    const home: NodeFinding =
      hosts.declaration(vm.node) === null && !homeIsDead
        ? await findingOn(vm, vm.node, mayWait, since)
        : ABSENT;
    if (isFound(home)) return withElsewhere(vm, home);
    const others = hosts.all().filter(node => node !== vm.node);
    const asked = await Promise.all(others.map(node => findingElsewhere(vm, node, mayWait, since)));
    const findings = new Map<string, NodeFinding>([[vm.node, home], ...asked.flat()]);
    const found = [...findings.values()].filter(isFound);
    const best = found.find(({ at }) => at === 'running') ?? found[0];
    if (best?.at === 'running') return { ...best, homeIsSilent: 'silent' in home };
    if (best) return best;
    const unread = [...findings].flatMap(([node, finding]) => ('silent' in finding ? [node] : []));
    const defined = [...findings.values()].flatMap(definedBy);
    return {
      at: 'nowhere',
      silent: silence(findings),
      unread,
      end: 'end' in home ? home.end : null,
      over: lastEndOn(vm.node, vm) !== undefined,
      defined: [...new Set(defined)],
    };
  }

  return {
    listDomains: node => listDomains(node),
    async find(vm, { end, mayWait = true, homeIsDead = false } = {}) {
      const first = await look(vm, mayWait, homeIsDead);
      if (first.at !== 'nowhere') return first;
      // While it was searched, a later run may have begun, with the disk, and have ended or been saved.
      if (end && lastEndOn(end.node, vm) === end.watched) return { ...first, end };
      // Search again: the VM may have moved from a node that was not asked yet to one that had already
      // answered.
      return look(vm, mayWait, homeIsDead);
    },
    definedElsewhere,
    async findNamed(vm) {
      if (!hypervisor.isConfigured(vm.node)) return NOWHERE;
      try {
        const domains = await hypervisor.domainsNamed(vm, now() + questionMs, stopping.signal);
        const findings = await Promise.all(
          domains.map(({ uuid }) => lookAt({ ...vm, domain: uuid }, vm.node, uuid)),
        );
        const found = findings.filter(isFound);
        const running = found.filter(one => one.at === 'running');
        const [first] = running;
        const disks = running.flatMap(one => one.disks ?? []);
        // If a saved or migrating domain of that name will come back with its disks, a running one without
        // disks is not the VM that is meant.
        const away = disks.length === 0 ? found.find(one => one.at !== 'running') : undefined;
        if (away) return away;
        return first ? { ...first, disks } : NOWHERE;
      } catch (error) {
        return { ...NOWHERE, silent: [reasonWhy(error)], unread: [vm.node] };
      }
    },
    stop: () => stopping.abort(),
  };
}
