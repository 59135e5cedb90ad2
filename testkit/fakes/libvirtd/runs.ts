// The runs of fake VMs, with libvirtd's events and states, as observed with libvirt 9.0.0.
import { ERROR } from '../../../src/libvirt/constants.ts';
import { type AssertUnlocked, refuse } from './devices.ts';
import { END, type End, isIn, type State, setState, type Tell } from './lifecycle.ts';
import { type FakeVm, isRunning, type SavedVm } from './vm.ts';
import type { FakeDisk } from './xml.ts';

/** `vms`: the VMs of this host by UUID. */
export function fakeRuns({
  vms,
  tell,
  assertUnlocked,
}: {
  vms: Map<string, FakeVm>;
  tell: Tell;
  assertUnlocked: AssertUnlocked;
}) {
  let lastId = 0;
  let daemonIsThere = true;
  /** VMs that ended while no libvirtd was running. */
  const unseen = new Set<FakeVm>();

  function begin(vm: FakeVm, disks: readonly FakeDisk[], state: State): void {
    lastId += 1;
    vm.id = lastId;
    vm.disks = disks.map(disk => ({ ...disk }));
    vm.dropped.clear();
    setState(vm, state);
  }

  /** As `begin`, but throws if an image is locked. A start that fails has no event. */
  function open(vm: FakeVm, disks: readonly FakeDisk[], state: State): void {
    if (isRunning(vm)) {
      throw refuse(ERROR.OPERATION_INVALID, 'Requested operation is not valid: domain is already running');
    }
    try {
      for (const disk of disks) assertUnlocked(disk);
    } catch (error) {
      setState(vm, 'offFailed');
      if (!vm.persistent) vms.delete(vm.uuid);
      throw error;
    }
    begin(vm, disks, state);
  }

  /** Ends a run without an event. */
  function vanish(vm: FakeVm, state: State): void {
    vm.id = -1;
    vm.disks = [];
    vm.imagesFree = false;
    vm.pending.clear();
    setState(vm, state);
    if (!vm.persistent) vms.delete(vm.uuid);
    // Without libvirtd, the only other end is the death of QEMU.
    if (!daemonIsThere && state !== 'offMigrated' && state !== 'offSaved') unseen.add(vm);
  }

  function halt(vm: FakeVm, { told, state }: Pick<End, 'told' | 'state'>): void {
    vanish(vm, state);
    tell(vm, told);
  }

  function end(vm: FakeVm, end: End): void {
    tell(vm, ...end.before);
    halt(vm, end);
  }

  return {
    begin,
    vanish,
    halt,
    end,

    start(vm: FakeVm): void {
      const { saved } = vm;
      open(vm, saved ?? vm.coldDisks, saved ? 'restored' : 'booted');
      vm.saved = undefined;
      if (saved) tell(vm, 'startedRestored', 'resumedFromSnapshot');
      else tell(vm, 'resumedUnpaused', 'startedBooted');
    },

    managedSave(vm: FakeVm): void {
      if (!vm.persistent) {
        const message = 'Requested operation is not valid: cannot do managed save for transient domain';
        throw refuse(ERROR.OPERATION_INVALID, message);
      }
      const saved = vm.disks;
      end(vm, END.saved);
      vm.saved = saved;
    },

    saveToFile(vm: FakeVm): SavedVm {
      const { name, uuid, ports, manners, disks } = vm;
      end(vm, END.saved);
      return { name, uuid, ports, manners, disks };
    },
    restore(vm: FakeVm, { disks }: SavedVm): void {
      open(vm, disks, 'restored');
      tell(vm, 'startedRestored', 'resumedFromSnapshot');
    },

    snapshot(vm: FakeVm): void {
      vm.snapshot = vm.disks.map(disk => ({ ...disk }));
    },
    /** Reverts to the snapshot with its disks, including those that were unplugged since. */
    revert(vm: FakeVm): void {
      if (vm.snapshot === undefined) throw new Error(`${vm.name} has no snapshot`);
      // The domain stays, even a transient one.
      if (isRunning(vm)) tell({ ...vm, id: -1 }, END.reverted.told);
      begin(vm, vm.snapshot, 'fromSnapshot');
      tell(vm, 'startedFromSnapshot', 'resumedFromSnapshot', 'definedFromSnapshot');
    },

    suspend(vm: FakeVm): void {
      setState(vm, 'paused');
      tell(vm, 'suspendedPaused');
    },
    resume(vm: FakeVm): void {
      if (isIn(vm, 'migrating')) {
        for (const disk of vm.disks) assertUnlocked(disk, vm);
        vm.imagesFree = false;
      }
      setState(vm, 'unpaused');
      tell(vm, 'resumedUnpaused');
    },

    /** libvirtd has ended; its VMs run on. */
    daemonDied(): void {
      daemonIsThere = false;
    },
    /**
     * A new libvirtd reads the devices of its VMs from QEMU, does not know why a VM has stopped, and
     * continues its ids after the highest one in use.
     */
    daemonBegins(): void {
      if (daemonIsThere) return;
      daemonIsThere = true;
      for (const vm of vms.values()) {
        if (!isRunning(vm)) setState(vm, unseen.has(vm) ? 'offCrashed' : 'offUnknown');
        vm.disks = vm.disks.filter(({ alias }) => !vm.dropped.has(alias));
        vm.dropped.clear();
      }
      unseen.clear();
      lastId = Math.max(0, ...[...vms.values()].map(({ id }) => id));
    },
  };
}
