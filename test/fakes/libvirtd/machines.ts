// The machines of a fake libvirtd: what QEMU and a guest would do, each behaviour as seen on libvirt 9.0.0 and QEMU 7.2.
import { randomUUID } from 'node:crypto';
import * as libvirt from '../../../src/libvirt/constants.ts';
import { ERROR } from '../../../src/libvirt/constants.ts';
import type { DomainEvent } from '../../../src/libvirt/domain.ts';
import { LibvirtError } from '../../../src/libvirt/errors.ts';
import { fakeGuests } from './guests.ts';
import { domainOf, type Machine, type MachineSettings } from './machine.ts';
import { domainXml, type FakeDisk, FROM_DOMAIN, FROM_QEMU, parseDisk, parseDomain } from './xml.ts';

export type Machines = ReturnType<typeof fakeMachines>;

function refuse(code: number, message: string, domain = FROM_DOMAIN): LibvirtError {
  return new LibvirtError(message, { code, domain });
}

/** `emit` gets every event; `unplugMs` is how long a willing guest takes. */
export function fakeMachines(options: { emit(event: DomainEvent): void; unplugMs: number }) {
  const machines = new Map<string, Machine>();
  let lastId = 0;

  const guests = fakeGuests(options);
  const isRunning = (machine: Machine) => machine.id !== -1;

  function lifecycle(machine: Machine, event: number, detail: number): void {
    options.emit({ type: 'lifecycle', domain: domainOf(machine), event, detail });
  }

  function find(uuid: string): Machine {
    const machine = machines.get(uuid);
    if (machine === undefined) {
      throw refuse(ERROR.NO_DOMAIN, `Domain not found: no domain with matching uuid '${uuid}'`, FROM_QEMU);
    }
    return machine;
  }

  function findByName(name: string): Machine {
    const machine = [...machines.values()].find(other => other.name === name);
    if (machine === undefined) {
      throw refuse(ERROR.NO_DOMAIN, `Domain not found: no domain with matching name '${name}'`, FROM_QEMU);
    }
    return machine;
  }

  function findRunning(uuid: string): Machine {
    const machine = find(uuid);
    if (!isRunning(machine)) {
      throw refuse(ERROR.OPERATION_INVALID, 'Requested operation is not valid: domain is not running');
    }
    return machine;
  }

  /** QEMU's lock on an image: whoever writes shares only with those who all said that they share. */
  function assertUnlocked(disk: FakeDisk): void {
    if (disk.readonly || disk.source === '') return;
    const others = [...machines.values()].flatMap(machine => machine.disks);
    const users = others.filter(other => other.source === disk.source && !other.readonly);
    if (users.length === 0 || (disk.shareable && users.every(user => user.shareable))) return;
    const lock = users.some(user => !user.shareable) ? '"write"' : 'shared "write"';
    const message = `internal error: unable to execute QEMU command 'device_add': Failed to get ${lock} lock`;
    throw refuse(ERROR.INTERNAL, message, FROM_QEMU);
  }

  function add(settings: Omit<MachineSettings, 'disks'> & { coldDisks: FakeDisk[] }): Machine {
    const machine: Machine = {
      name: settings.name,
      uuid: settings.uuid ?? randomUUID(),
      id: -1,
      state: libvirt.STATE_SHUTOFF,
      reason: 0,
      persistent: settings.persistent ?? true,
      ports: settings.ports ?? 6,
      disks: [],
      coldDisks: settings.coldDisks,
      saved: undefined,
      manners: settings.manners ?? 'willing',
      pending: new Set(),
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

  function run(machine: Machine): void {
    if (isRunning(machine)) {
      throw refuse(ERROR.OPERATION_INVALID, 'Requested operation is not valid: domain is already running');
    }
    const restored = machine.saved;
    const disks = restored ?? machine.coldDisks.map(disk => ({ ...disk }));
    for (const disk of disks) assertUnlocked(disk);
    machine.id = ++lastId;
    machine.disks = disks;
    machine.saved = undefined;
    machine.state = libvirt.STATE_RUNNING;
    machine.reason = 1;
    const detail = restored === undefined ? libvirt.STARTED_BOOTED : libvirt.STARTED_RESTORED;
    lifecycle(machine, libvirt.LIFECYCLE_STARTED, detail);
  }

  function halt(machine: Machine, detail: number, reason: number): void {
    machine.id = -1;
    machine.disks = [];
    machine.pending.clear();
    machine.state = libvirt.STATE_SHUTOFF;
    machine.reason = reason;
    if (!machine.persistent) machines.delete(machine.uuid);
    lifecycle(machine, libvirt.LIFECYCLE_STOPPED, detail);
  }

  return {
    find,
    findByName,
    all: () => [...machines.values()],

    add(settings: MachineSettings): Machine {
      const { disks = [], running = true, ...rest } = settings;
      const machine = add({ ...rest, coldDisks: disks.map(parseDisk) });
      if (running) run(machine);
      return machine;
    },
    create(xml: string): Machine {
      const { name, uuid, ports, disks } = parseDomain(xml);
      const machine = add({
        name,
        ports,
        coldDisks: disks,
        persistent: false,
        ...(uuid === undefined ? {} : { uuid }),
      });
      try {
        run(machine);
      } catch (error) {
        machines.delete(machine.uuid);
        throw error;
      }
      return machine;
    },
    define(xml: string): Machine {
      const { name, uuid, ports, disks } = parseDomain(xml);
      const machine = add({ name, ports, coldDisks: disks, ...(uuid === undefined ? {} : { uuid }) });
      lifecycle(machine, libvirt.LIFECYCLE_DEFINED, 0);
      return machine;
    },
    undefine(machine: Machine, withSave: boolean): void {
      if (machine.saved !== undefined && !withSave) {
        const message =
          'Requested operation is not valid: Refusing to undefine while domain managed save image exists';
        throw refuse(ERROR.OPERATION_INVALID, message);
      }
      machine.persistent = false;
      machine.saved = undefined;
      if (!isRunning(machine)) machines.delete(machine.uuid);
      lifecycle(machine, libvirt.LIFECYCLE_UNDEFINED, 0);
    },
    start: run,
    stop(machine: Machine, detail: number): void {
      // virDomainShutoffReason counts as the details of the event do, one higher.
      if (detail === libvirt.STOPPED_DESTROYED) lifecycle(machine, libvirt.LIFECYCLE_SHUTDOWN, 2);
      halt(machine, detail, detail + 1);
    },
    save(machine: Machine): void {
      if (!machine.persistent) {
        const message = 'Requested operation is not valid: cannot do managed save for transient domain';
        throw refuse(ERROR.OPERATION_INVALID, message);
      }
      const saved = machine.disks;
      halt(machine, libvirt.STOPPED_SAVED, 5);
      machine.saved = saved;
    },
    migrateAway(machine: Machine): void {
      machine.persistent = false;
      halt(machine, libvirt.STOPPED_MIGRATED, 4);
    },
    suspend(machine: Machine): void {
      machine.state = libvirt.STATE_PAUSED;
      machine.reason = 1;
      lifecycle(machine, libvirt.LIFECYCLE_SUSPENDED, 0);
    },
    resume(machine: Machine): void {
      machine.state = libvirt.STATE_RUNNING;
      machine.reason = 5;
      lifecycle(machine, libvirt.LIFECYCLE_RESUMED, 0);
      guests.wake(machine);
    },
    /** The guest boots again; QEMU lets go of everything that was asked for before. */
    reset(machine: Machine): void {
      guests.wake(machine);
    },

    running: findRunning,
    attach(machine: Machine, xml: string): void {
      const disk = parseDisk(xml);
      const rival = machine.disks.find(other => other.target === disk.target);
      if (machine.disks.some(other => other.alias === disk.alias)) {
        const message = `unsupported configuration: non unique alias detected: ${disk.alias}`;
        throw refuse(ERROR.CONFIG_UNSUPPORTED, message);
      }
      if (rival !== undefined) {
        const sources = `'${disk.source}' and '${rival.source}'`;
        throw refuse(ERROR.XML, `XML error: target '${disk.target}' duplicated for disk sources ${sources}`);
      }
      const used = machine.disks.filter(({ bus }) => bus === 'virtio').length;
      if (disk.bus === 'virtio' && used >= machine.ports) {
        throw refuse(ERROR.INTERNAL, 'internal error: No more available PCI slots');
      }
      assertUnlocked(disk);
      machine.disks.push(disk);
      // Before the answer, as libvirtd often does it: whoever waits for the event must wait from before the call.
      options.emit({ type: 'device-added', domain: domainOf(machine), alias: disk.alias });
    },
    detach(machine: Machine, alias: string): void {
      const disk = machine.disks.find(other => other.alias === alias);
      if (disk === undefined) {
        throw refuse(ERROR.INTERNAL, `internal error: no device found with alias ${alias}`);
      }
      guests.ask(machine, disk);
    },
    letGo: guests.letGo,
    resize(machine: Machine, disk: string): void {
      if (machine.disks.some(({ target, source }) => target === disk || source === disk)) return;
      throw refuse(
        ERROR.INVALID_ARG,
        `invalid argument: disk '${disk}' was not found in the domain config`,
        FROM_QEMU,
      );
    },
    xml(machine: Machine, inactive: boolean): string {
      const live = isRunning(machine) && !inactive;
      const { name, uuid, ports, coldDisks, disks } = machine;
      return domainXml({
        name,
        uuid,
        ports,
        id: live ? machine.id : undefined,
        disks: live ? disks : coldDisks,
      });
    },
  };
}
