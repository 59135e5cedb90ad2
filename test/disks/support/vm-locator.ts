import type { ExecutionContext } from 'ava';
import type { Vm } from '../../../machines/vm.ts';
import { createRecordIndex } from '../../../src/disks/records/record-index.ts';
import { type Alarms, createAlarms } from '../../../src/disks/vms/alarms.ts';
import { createDefinitionBook } from '../../../src/disks/vms/definitions.ts';
import { createHosts, type Hosts } from '../../../src/disks/vms/hosts.ts';
import { createVmLocator, type VmLocator } from '../../../src/disks/vms/vm-locator.ts';
import type { Hypervisor } from '../../../src/hypervisor/hypervisor.ts';
import { monotonicNow } from '../../../src/lib/clock.ts';
import { createGroupCommit } from '../../../src/store/group-commit.ts';
import type { FakeLibvirtd } from '../../../testkit/fakes/libvirtd.ts';
import { until } from '../../../testkit/until.ts';
import { fakeLibvirtd, hypervisorOf } from '../../hypervisor/support/fake-node.ts';

/** An address that nobody listens at. */
export const NOBODY = 'qemu:///system?socket=/nonexistent/sock';

/** A locator with the two fake libvirtds on which it looks for VMs. */
export interface Field {
  readonly n1: FakeLibvirtd;
  readonly n2: FakeLibvirtd;
  readonly hypervisor: Hypervisor;
  readonly hosts: Hosts;
  readonly alarms: Alarms;
  readonly locator: VmLocator;
  /** The canonical key of a node. */
  readonly key: (node: string) => string;
  /** A VM that was last known on this node. */
  vm(node: string, uuid: string): Vm;
  /** Resolves when these nodes are connected. */
  linked(...nodes: string[]): Promise<unknown>;
}

/**
 * A locator of VMs on two fake libvirtds, `n1` and `n2`, and on `more` nodes. `known`: the hosts that were
 * met before, by the names of their nodes.
 */
export async function createField(
  t: ExecutionContext,
  {
    settlingMs = 0,
    more = {},
    known = () => ({}),
    seenBy = hypervisor => hypervisor,
  }: {
    settlingMs?: number;
    more?: Readonly<Record<string, string>>;
    known?: (n1: FakeLibvirtd, n2: FakeLibvirtd) => Readonly<Record<string, string>>;
    /** The hypervisor as the locator uses it. */
    seenBy?: (hypervisor: Hypervisor) => Hypervisor;
  } = {},
): Promise<Field> {
  const [n1, n2] = [await fakeLibvirtd(t), await fakeLibvirtd(t)];
  const { hypervisor } = hypervisorOf(t, { n1: n1.uri, n2: n2.uri, ...more }, { connectMs: 5000 });
  const groupCommit = createGroupCommit(
    async () => {},
    error => t.fail(error.message),
  );
  const records = Object.entries(known(n1, n2)).map(([name, hostUuid]) => ({
    v: 2 as const,
    name,
    hostUuid,
    dead: null,
  }));
  const hosts = createHosts(groupCommit, records, hypervisor);
  const alarms = createAlarms(hosts, groupCommit.commit, () => {});
  const locator = createVmLocator({
    hypervisor: seenBy(hypervisor),
    hosts,
    alarms,
    decided: createRecordIndex(),
    definitions: createDefinitionBook(),
    now: monotonicNow,
    questionMs: 60_000,
    settlingMs,
  });
  t.teardown(() => locator.stop());
  return {
    n1,
    n2,
    hypervisor,
    hosts,
    alarms,
    locator,
    key: hypervisor.nodeKey,
    vm: (node, uuid) => ({ ...hypervisor.vm(node, 'a'), domain: uuid }),
    linked(...nodes) {
      const keys = nodes.map(hypervisor.nodeKey);
      for (const key of keys) hypervisor.link(key);
      const isUp = (key: string) => hypervisor.status().some(one => one.node === key && one.state === 'up');
      return until(() => keys.every(isUp), 'the links');
    },
  };
}

/** The number of complete domain lists that a node has given. */
export const listings = (fake: FakeLibvirtd): number =>
  fake.calls.filter(({ procedure }) => procedure === 'connectListAllDomains').length / 3;
