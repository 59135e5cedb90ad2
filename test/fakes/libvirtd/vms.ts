// The machines of a fake libvirtd: what QEMU and a guest would do, each behaviour as seen on libvirt 9.0.0 and QEMU 7.2.
import { randomUUID } from 'node:crypto';
import { ERROR, STATE_SHUTOFF } from '../../../src/libvirt/constants.ts';
import type { DomainEvent } from '../../../src/libvirt/domain.ts';
import { fakeDevices, imageLocks, refuse } from './devices.ts';
import { fakeJobs } from './jobs.ts';
import { END, endOf, setState, teller } from './lifecycle.ts';
import { isRunning, type FakeVm, type FakeVmSettings, type SavedVm } from './vm.ts';
import { fakeRuns } from './runs.ts';
import { domainXml, type FakeDisk, FROM_QEMU, parseDisk, parseDomain } from './xml.ts';

export type FakeVms = ReturnType<typeof fakeVms>;

/** `emit` gets every event; `unplugMs` is how long a willing guest takes; `locks`: whether images are locked. */
export function fakeVms(options: { emit(event: DomainEvent): void; unplugMs: number; locks: boolean }) {
  const machines = new Map<string, FakeVm>();
  const tell = teller(options.emit);
  const assertUnlocked = options.locks ? imageLocks(() => machines.values()) : () => undefined;
  const runs = fakeRuns({ machines, tell, assertUnlocked });
  const jobs = fakeJobs();
  const devices = fakeDevices({ ...options, assertUnlocked, jobs });

  function find(uuid: string): FakeVm {
    const machine = machines.get(uuid);
    if (machine === undefined) {
      throw refuse(ERROR.NO_DOMAIN, `Domain not found: no domain with matching uuid '${uuid}'`, FROM_QEMU);
    }
    return machine;
  }

  function findByName(name: string): FakeVm {
    const machine = [...machines.values()].find(other => other.name === name);
    if (machine === undefined) {
      throw refuse(ERROR.NO_DOMAIN, `Domain not found: no domain with matching name '${name}'`, FROM_QEMU);
    }
    return machine;
  }

  function findRunning(uuid: string): FakeVm {
    const machine = find(uuid);
    if (!isRunning(machine)) {
      throw refuse(ERROR.OPERATION_INVALID, 'Requested operation is not valid: domain is not running');
    }
    return machine;
  }

  function add(settings: Omit<FakeVmSettings, 'disks'> & { coldDisks: FakeDisk[] }): FakeVm {
    const machine: FakeVm = {
      name: settings.name,
      uuid: settings.uuid ?? randomUUID(),
      id: -1,
      state: STATE_SHUTOFF,
      reason: 0,
      persistent: settings.persistent ?? true,
      ports: settings.ports ?? 6,
      disks: [],
      coldDisks: settings.coldDisks,
      imagesFree: false,
      saved: undefined,
      snapshot: undefined,
      manners: settings.manners ?? 'willing',
      pending: new Set(),
      dropped: new Set(),
    };
    const taken = [...machines.values()].find(
      ({ name, uuid }) => name === machine.name || uuid === machine.uuid,
    );
    if (taken !== undefined) {
      const message = `operation failed: domain '${taken.name}' already exists with uuid ${taken.uuid}`;
      throw refuse(ERROR.OPERATION_FAILED, message);
    }
    machines.set(machine.uuid, machine);
    return machine;
  }

  /** The machine that lets a copy of one go on here: the one that is defined, or one that is only there while it runs. */
  function host({ name, uuid, ports, manners }: Omit<SavedVm, 'disks'>): FakeVm {
    const settings = { name, uuid, ports, manners, persistent: false, coldDisks: [] };
    return machines.get(uuid) ?? add(settings);
  }

  return {
    find,
    findByName,
    running: findRunning,
    all: () => [...machines.values()],
    tell,
    host,
    ...runs,
    ...devices,
    ...jobs,

    add(settings: FakeVmSettings): FakeVm {
      const { disks = [], running = true, ...rest } = settings;
      const machine = add({ ...rest, coldDisks: disks.map(parseDisk) });
      if (running) runs.start(machine);
      return machine;
    },
    create(xml: string): FakeVm {
      const { name, uuid, ports, disks } = parseDomain(xml);
      const machine = add({
        name,
        ports,
        coldDisks: disks,
        persistent: false,
        ...(uuid === undefined ? {} : { uuid }),
      });
      runs.start(machine);
      return machine;
    },
    define(xml: string): FakeVm {
      const { name, uuid, ports, disks } = parseDomain(xml);
      const known = machines.get(uuid ?? '');
      const updated = known?.name === name && known.persistent;
      const machine =
        known?.name === name
          ? known
          : add({ name, ports, coldDisks: disks, ...(uuid === undefined ? {} : { uuid }) });
      Object.assign(machine, { coldDisks: disks, persistent: true });
      tell(machine, updated ? 'definedUpdated' : 'definedAdded');
      return machine;
    },
    undefine(machine: FakeVm, withSave: boolean): void {
      if (machine.saved !== undefined && !withSave) {
        const message =
          'Requested operation is not valid: Refusing to undefine while domain managed save image exists';
        throw refuse(ERROR.OPERATION_INVALID, message);
      }
      machine.persistent = false;
      machine.saved = undefined;
      if (!isRunning(machine)) machines.delete(machine.uuid);
      tell(machine, 'undefined');
    },
    stop: (machine: FakeVm, detail: number) => runs.end(machine, endOf(detail)),
    migrateAway(machine: FakeVm): void {
      machine.persistent = false;
      setState(machine, 'migrating');
      tell(machine, 'suspendedMigrated');
      runs.end(machine, END.migrated);
    },
    resume(machine: FakeVm): void {
      runs.resume(machine);
      devices.wake(machine);
    },
    restore(saved: SavedVm): FakeVm {
      const machine = host(saved);
      runs.restore(machine, saved);
      return machine;
    },
    xml(machine: FakeVm, inactive: boolean): string {
      const live = isRunning(machine) && !inactive;
      const { name, uuid, ports, persistent, coldDisks, disks } = machine;
      return domainXml({
        name,
        uuid,
        ports,
        id: live ? machine.id : undefined,
        // A machine without a definition shows what it runs with, also to those who ask what it is defined with.
        disks: live || !persistent ? disks : coldDisks,
      });
    },
  };
}
