// Two hosts, a few machines on them, and everything that people, guests and failures may do to them; and what must hold all the same.

import type { Migration } from '../../fakes/libvirtd/migration.ts';
import { type FakeVm, isRunning, type SavedVm } from '../../fakes/libvirtd/vm.ts';
import type { FakeLibvirtd } from '../../fakes/libvirtd.ts';

export const NODES = ['n1', 'n2'] as const;
export type NodeName = (typeof NODES)[number];

export interface Vm {
  readonly vmId: string;
  readonly name: string;
  readonly uuid: string;
  readonly persistent: boolean;
  /** In a file, to be restored, if it was saved so. */
  file: SavedVm | undefined;
  migration: { readonly migration: Migration; readonly from: NodeName; readonly to: NodeName } | undefined;
  /** The destination of its migration has slept through the end of it. */
  stalled: boolean;
}

/** A job of somebody else, until it is released. */
interface Hold {
  readonly vm: Vm;
  readonly release: () => void;
}

export interface Host {
  readonly fake: FakeLibvirtd;
  /** What there is of libvirtd: it answers, its network is cut, it has died. */
  is: 'up' | 'cut' | 'dead';
}

export function createHosts(fakes: Readonly<Record<NodeName, FakeLibvirtd>>) {
  const hosts: Record<NodeName, Host> = {
    n1: { fake: fakes.n1, is: 'up' },
    n2: { fake: fakes.n2, is: 'up' },
  };
  const vms: Vm[] = [];
  const holds: Hold[] = [];

  const there = (node: NodeName, { uuid }: Vm): FakeVm | undefined =>
    hosts[node].fake.vms.all().find(machine => machine.uuid === uuid);

  /** A copy that holds no image: it has not landed yet, or it is what the source of one that has landed shows until it knows that. */
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
    /** Where it runs, or is coming in. */
    liveOn: (vm: Vm): NodeName[] =>
      NODES.filter(node => {
        const machine = there(node, vm);
        return machine !== undefined && isRunning(machine);
      }),
    savedOn: (vm: Vm): NodeName | undefined => NODES.find(node => there(node, vm)?.saved !== undefined),
    /**
     * The machines that have a disk of ours now, by its alias; one that migrates is one. What the guest has let go of while it is copied
     * counts until libvirt says so at the source, for the copy has it.
     */
    holdersOf(disk: string): Vm[] {
      const shows = (node: NodeName, vm: Vm): boolean | undefined =>
        there(node, vm)?.disks.some(({ alias }) => alias === `ua-${disk}`);
      return vms.filter(vm => NODES.some(node => !isIdle(node, vm) && shows(node, vm)));
    },
  };
}

export type Hosts = ReturnType<typeof createHosts>;
