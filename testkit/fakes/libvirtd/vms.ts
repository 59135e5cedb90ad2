// The VMs of a fake libvirtd: QEMU and guests as observed with libvirt 9.0.0 and QEMU 7.2.
import { randomUUID } from 'node:crypto';
import { ERROR, STATE_SHUTOFF } from '../../../src/libvirt/constants.ts';
import type { DomainEvent } from '../../../src/libvirt/domain.ts';
import { fakeDevices, imageLocks, refuse } from './devices.ts';
import { fakeJobs } from './jobs.ts';
import { END, endOf, setState, teller } from './lifecycle.ts';
import { fakeRuns } from './runs.ts';
import { type FakeVm, type FakeVmSettings, isRunning, type SavedVm } from './vm.ts';
import { domainXml, type FakeDisk, FROM_QEMU, parseDisk, parseDomain } from './xml.ts';

export type FakeVms = ReturnType<typeof fakeVms>;

/**
 * `emit` gets every event; `unplugMs` is how long a willing guest takes to release a device; `locks`: whether
 * QEMU locks its images.
 */
export function fakeVms(options: { emit(event: DomainEvent): void; unplugMs: number; locks: boolean }) {
  const vms = new Map<string, FakeVm>();
  const tell = teller(options.emit);
  const assertUnlocked = options.locks ? imageLocks(() => vms.values()) : () => undefined;
  const runs = fakeRuns({ vms, tell, assertUnlocked });
  const jobs = fakeJobs();
  const devices = fakeDevices({ ...options, assertUnlocked, jobs });

  function find(uuid: string): FakeVm {
    const vm = vms.get(uuid);
    if (vm === undefined) {
      throw refuse(ERROR.NO_DOMAIN, `Domain not found: no domain with matching uuid '${uuid}'`, FROM_QEMU);
    }
    return vm;
  }

  function findByName(name: string): FakeVm {
    const vm = [...vms.values()].find(other => other.name === name);
    if (vm === undefined) {
      throw refuse(ERROR.NO_DOMAIN, `Domain not found: no domain with matching name '${name}'`, FROM_QEMU);
    }
    return vm;
  }

  function findRunning(uuid: string): FakeVm {
    const vm = find(uuid);
    if (!isRunning(vm)) {
      throw refuse(ERROR.OPERATION_INVALID, 'Requested operation is not valid: domain is not running');
    }
    return vm;
  }

  function add(settings: Omit<FakeVmSettings, 'disks'> & { coldDisks: FakeDisk[] }): FakeVm {
    const vm: FakeVm = {
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
    const taken = [...vms.values()].find(({ name, uuid }) => name === vm.name || uuid === vm.uuid);
    if (taken !== undefined) {
      const message = `operation failed: domain '${taken.name}' already exists with uuid ${taken.uuid}`;
      throw refuse(ERROR.OPERATION_FAILED, message);
    }
    vms.set(vm.uuid, vm);
    return vm;
  }

  /**
   * The VM in which an incoming copy runs here: the defined domain with its UUID, else a new transient one.
   */
  function host({ name, uuid, ports, manners }: Omit<SavedVm, 'disks'>): FakeVm {
    const settings = { name, uuid, ports, manners, persistent: false, coldDisks: [] };
    return vms.get(uuid) ?? add(settings);
  }

  return {
    find,
    findByName,
    running: findRunning,
    /** The VM with this UUID; undefined: libvirt has no such domain. */
    known: (uuid: string): FakeVm | undefined => vms.get(uuid),
    all: () => [...vms.values()],
    tell,
    host,
    ...runs,
    ...devices,
    ...jobs,

    add(settings: FakeVmSettings): FakeVm {
      const { disks = [], running = true, ...rest } = settings;
      const vm = add({ ...rest, coldDisks: disks.map(parseDisk) });
      if (running) runs.start(vm);
      return vm;
    },
    create(xml: string): FakeVm {
      const { name, uuid, ports, disks } = parseDomain(xml);
      const vm = add({
        name,
        ports,
        coldDisks: disks,
        persistent: false,
        ...(uuid === undefined ? {} : { uuid }),
      });
      runs.start(vm);
      return vm;
    },
    define(xml: string): FakeVm {
      const { name, uuid, ports, disks } = parseDomain(xml);
      const known = vms.get(uuid ?? '');
      const updated = known?.name === name && known.persistent;
      const vm =
        known?.name === name
          ? known
          : add({ name, ports, coldDisks: disks, ...(uuid === undefined ? {} : { uuid }) });
      Object.assign(vm, { coldDisks: disks, persistent: true });
      tell(vm, updated ? 'definedUpdated' : 'definedAdded');
      return vm;
    },
    /** The domain is gone, as after the loss of its host: nobody is told. */
    forget: (vm: FakeVm): void => void vms.delete(vm.uuid),
    undefine(vm: FakeVm, withSave: boolean): void {
      if (vm.saved !== undefined && !withSave) {
        const message =
          'Requested operation is not valid: Refusing to undefine while domain managed save image exists';
        throw refuse(ERROR.OPERATION_INVALID, message);
      }
      vm.persistent = false;
      vm.saved = undefined;
      if (!isRunning(vm)) vms.delete(vm.uuid);
      tell(vm, 'undefined');
    },
    stop: (vm: FakeVm, detail: number) => runs.end(vm, endOf(detail)),
    migrateAway(vm: FakeVm): void {
      vm.persistent = false;
      setState(vm, 'migrating');
      tell(vm, 'suspendedMigrated');
      runs.end(vm, END.migrated);
    },
    resume(vm: FakeVm): void {
      runs.resume(vm);
      devices.wake(vm);
    },
    restore(saved: SavedVm): FakeVm {
      const vm = host(saved);
      runs.restore(vm, saved);
      return vm;
    },
    xml(vm: FakeVm, inactive: boolean): string {
      const live = isRunning(vm) && !inactive;
      const { name, uuid, ports, persistent, coldDisks, disks } = vm;
      return domainXml({
        name,
        uuid,
        ports,
        id: live ? vm.id : undefined,
        // libvirt returns the live XML of a transient domain even if its definition is asked for.
        disks: live || !persistent ? disks : coldDisks,
      });
    },
  };
}
