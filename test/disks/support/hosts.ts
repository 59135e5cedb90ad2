// Two hosts with a few VMs, everything that people, guests and failures may do to them, and the invariants
// that must hold.

import type { Migration } from '../../../testkit/fakes/libvirtd/migration.ts';
import { type FakeVm, isRunning, type SavedVm } from '../../../testkit/fakes/libvirtd/vm.ts';
import type { FakeLibvirtd } from '../../../testkit/fakes/libvirtd.ts';

export const NODES = ['n1', 'n2'] as const;
export type NodeName = (typeof NODES)[number];

/** A VM of the simulation, wherever it is. */
export interface Vm {
  readonly vmId: string;
  readonly name: string;
  readonly uuid: string;
  readonly persistent: boolean;
  /** The state in a file from which the VM can be restored, if it was saved to one. */
  file: SavedVm | undefined;
  migration: { readonly migration: Migration; readonly from: NodeName; readonly to: NodeName } | undefined;
  /** The destination of its migration was stalled past the migration's end. */
  stalled: boolean;
}

/** A job of another libvirt client, which holds the domain until it is released. */
interface Hold {
  readonly vm: Vm;
  readonly release: () => void;
}

/** What can be done to a host and its VMs: by a fake libvirtd on a socket, or by a host without one. */
export type HostControl = Pick<
  FakeLibvirtd,
  | ('vms' | 'addDomain' | 'start' | 'destroy' | 'poweroff' | 'kill' | 'suspend' | 'resume' | 'reset')
  | ('save' | 'saveToFile' | 'restore' | 'migrate' | 'redefine' | 'hold' | 'setManners' | 'release')
  | ('dropConnections' | 'listen' | 'stop' | 'cut')
>;

/** A simulated host. */
export interface Host {
  readonly fake: HostControl;
  /** The state of libvirtd: it answers, its network is cut, it has died. */
  is: 'up' | 'cut' | 'dead';
}

/** Two hosts without VMs. */
export function createHosts(fakes: Readonly<Record<NodeName, HostControl>>) {
  const hosts: Record<NodeName, Host> = {
    n1: { fake: fakes.n1, is: 'up' },
    n2: { fake: fakes.n2, is: 'up' },
  };
  const vms: Vm[] = [];
  const holds: Hold[] = [];

  const there = (node: NodeName, { uuid }: Vm): FakeVm | undefined =>
    hosts[node].fake.vms.all().find(vm => vm.uuid === uuid);

  /**
   * Whether this copy of the VM uses no image: it has not landed yet, or it is the source's copy after the
   * landing, which the source still shows.
   */
  function isIdle(node: NodeName, vm: Vm): boolean {
    if (!vm.migration) return false;
    const { from, to, migration } = vm.migration;
    return node === to ? there(node, vm)?.imagesFree === true : node === from && migration.phase === 'landed';
  }

  return {
    hosts,
    vms,
    holds,
    there,
    add(vmId: string, node: NodeName, persistent: boolean): void {
      const { uuid, name } = hosts[node].fake.addDomain({ name: `one-${vmId}`, persistent });
      vms.push({ vmId, name, uuid, persistent, file: undefined, migration: undefined, stalled: false });
    },
    /** The nodes on which it runs or is coming in. */
    liveOn: (vm: Vm): NodeName[] =>
      NODES.filter(node => {
        const domain = there(node, vm);
        return domain !== undefined && isRunning(domain);
      }),
    savedOn: (vm: Vm): NodeName | undefined => NODES.find(node => there(node, vm)?.saved !== undefined),
    /**
     * The VMs that have a disk now, by its alias; a migrating VM counts once. A disk that the guest ejected
     * during the copy counts until libvirt reports the removal at the source, since the copy has it.
     */
    holdersOf(disk: string): Vm[] {
      const shows = (node: NodeName, vm: Vm): boolean | undefined =>
        there(node, vm)?.disks.some(({ alias }) => alias === `ua-${disk}`);
      return vms.filter(vm => NODES.some(node => !isIdle(node, vm) && shows(node, vm)));
    },
  };
}

export type Hosts = ReturnType<typeof createHosts>;
