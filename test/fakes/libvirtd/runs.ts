// The runs of fake machines: how each begins and ends, and what libvirtd tells of it and forgets, as seen on libvirt 9.0.0.
import { ERROR } from '../../../src/libvirt/constants.ts';
import { type AssertUnlocked, refuse } from './devices.ts';
import { END, type End, isIn, type State, setState, type Tell } from './lifecycle.ts';
import { isRunning, type FakeVm, type SavedVm } from './vm.ts';
import type { FakeDisk } from './xml.ts';

export type Runs = ReturnType<typeof fakeRuns>;

/** `machines` are those of this host, by UUID. */
export function fakeRuns({
  machines,
  tell,
  assertUnlocked,
}: {
  machines: Map<string, FakeVm>;
  tell: Tell;
  assertUnlocked: AssertUnlocked;
}) {
  let lastId = 0;
  let daemonIsThere = true;
  /** Ended while there was no libvirtd to see it. */
  const unseen = new Set<FakeVm>();

  function begin(machine: FakeVm, disks: readonly FakeDisk[], state: State): void {
    lastId += 1;
    machine.id = lastId;
    machine.disks = disks.map(disk => ({ ...disk }));
    machine.dropped.clear();
    setState(machine, state);
  }

  /** As `begin`, unless somebody holds one of the images. What fails to start tells nothing. */
  function open(machine: FakeVm, disks: readonly FakeDisk[], state: State): void {
    if (isRunning(machine)) {
      throw refuse(ERROR.OPERATION_INVALID, 'Requested operation is not valid: domain is already running');
    }
    try {
      for (const disk of disks) assertUnlocked(disk);
    } catch (error) {
      setState(machine, 'offFailed');
      if (!machine.persistent) machines.delete(machine.uuid);
      throw error;
    }
    begin(machine, disks, state);
  }

  /** Its run is over, and nobody is told. */
  function vanish(machine: FakeVm, state: State): void {
    machine.id = -1;
    machine.disks = [];
    machine.imagesFree = false;
    machine.pending.clear();
    setState(machine, state);
    if (!machine.persistent) machines.delete(machine.uuid);
    // Only the death of its QEMU can come to a machine whose libvirtd is not there.
    if (!daemonIsThere && state !== 'offMigrated' && state !== 'offSaved') unseen.add(machine);
  }

  function halt(machine: FakeVm, { told, state }: Pick<End, 'told' | 'state'>): void {
    vanish(machine, state);
    tell(machine, told);
  }

  function end(machine: FakeVm, end: End): void {
    tell(machine, ...end.before);
    halt(machine, end);
  }

  return {
    begin,
    vanish,
    halt,
    end,

    start(machine: FakeVm): void {
      const { saved } = machine;
      open(machine, saved ?? machine.coldDisks, saved ? 'restored' : 'booted');
      machine.saved = undefined;
      if (saved) tell(machine, 'startedRestored', 'resumedFromSnapshot');
      else tell(machine, 'resumedUnpaused', 'startedBooted');
    },

    managedSave(machine: FakeVm): void {
      if (!machine.persistent) {
        const message = 'Requested operation is not valid: cannot do managed save for transient domain';
        throw refuse(ERROR.OPERATION_INVALID, message);
      }
      const saved = machine.disks;
      end(machine, END.saved);
      machine.saved = saved;
    },

    saveToFile(machine: FakeVm): SavedVm {
      const { name, uuid, ports, manners, disks } = machine;
      end(machine, END.saved);
      return { name, uuid, ports, manners, disks };
    },
    restore(machine: FakeVm, { disks }: SavedVm): void {
      open(machine, disks, 'restored');
      tell(machine, 'startedRestored', 'resumedFromSnapshot');
    },

    snapshot(machine: FakeVm): void {
      machine.snapshot = machine.disks.map(disk => ({ ...disk }));
    },
    /** The disks of the snapshot are plugged in again, whatever was unplugged since. */
    revert(machine: FakeVm): void {
      if (machine.snapshot === undefined) throw new Error(`${machine.name} has no snapshot`);
      // The machine itself stays, also one that is only there while it runs.
      if (isRunning(machine)) tell({ ...machine, id: -1 }, END.reverted.told);
      begin(machine, machine.snapshot, 'fromSnapshot');
      tell(machine, 'startedFromSnapshot', 'resumedFromSnapshot', 'definedFromSnapshot');
    },

    suspend(machine: FakeVm): void {
      setState(machine, 'paused');
      tell(machine, 'suspendedPaused');
    },
    resume(machine: FakeVm): void {
      if (isIn(machine, 'migrating')) {
        for (const disk of machine.disks) assertUnlocked(disk, machine);
        machine.imagesFree = false;
      }
      setState(machine, 'unpaused');
      tell(machine, 'resumedUnpaused');
    },

    /** libvirtd has gone; its machines go on. */
    daemonDied(): void {
      daemonIsThere = false;
    },
    /** The next libvirtd asks QEMU what its machines have, knows why none of them stopped, and counts its runs anew from the highest that still is. */
    daemonBegins(): void {
      if (daemonIsThere) return;
      daemonIsThere = true;
      for (const machine of machines.values()) {
        if (!isRunning(machine)) setState(machine, unseen.has(machine) ? 'offCrashed' : 'offUnknown');
        machine.disks = machine.disks.filter(({ alias }) => !machine.dropped.has(alias));
        machine.dropped.clear();
      }
      unseen.clear();
      lastId = Math.max(0, ...[...machines.values()].map(({ id }) => id));
    },
  };
}
