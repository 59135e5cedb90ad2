// Disks in and out of fake machines, and QEMU's locks on their images.
import { ERROR } from '../../../src/libvirt/constants.ts';
import type { DomainEvent } from '../../../src/libvirt/domain.ts';
import { LibvirtError } from '../../../src/libvirt/errors.ts';
import { fakeGuests } from './guests.ts';
import type { Jobs } from './jobs.ts';
import { domainOf, type FakeVm } from './vm.ts';
import { type FakeDisk, FROM_DOMAIN, FROM_QEMU, parseDisk } from './xml.ts';

export function refuse(code: number, message: string, domain = FROM_DOMAIN): LibvirtError {
  return new LibvirtError(message, { code, domain });
}

/** Throws where the lock of another of these machines keeps a disk from being opened. */
export type AssertUnlocked = (disk: FakeDisk, self?: FakeVm) => void;

/** Whoever writes shares an image only with those who all say that they share it. */
export function imageLocks(all: () => Iterable<FakeVm>): AssertUnlocked {
  return (disk, self) => {
    if (disk.readonly || disk.source === '') return;
    const others = [...all()].filter(other => other !== self && !other.imagesFree);
    const users = others
      .flatMap(({ disks, dropped }) => disks.filter(({ alias }) => !dropped.has(alias)))
      .filter(other => other.source === disk.source && !other.readonly);
    if (users.length === 0 || (disk.shareable && users.every(user => user.shareable))) return;
    const lock = users.some(user => !user.shareable) ? '"write"' : 'shared "write"';
    const message = `internal error: unable to execute QEMU command 'device_add': Failed to get ${lock} lock`;
    throw refuse(ERROR.INTERNAL, message, FROM_QEMU);
  };
}

/** `emit` gets every event; `unplugMs` is how long a willing guest takes. */
export function fakeDevices(options: {
  emit(event: DomainEvent): void;
  unplugMs: number;
  assertUnlocked: AssertUnlocked;
  jobs: Pick<Jobs, 'run' | 'isBusy'>;
}) {
  const guests = fakeGuests(options);
  return {
    letGo: guests.letGo,
    wake: guests.wake,
    attach(machine: FakeVm, xml: string): void {
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
      options.assertUnlocked(disk);
      machine.disks.push(disk);
      // Before the answer, as libvirtd often does it: whoever waits for the event must wait from before the call.
      options.emit({ type: 'device-added', domain: domainOf(machine), alias: disk.alias });
    },
    detach(machine: FakeVm, alias: string): void {
      const disk = machine.disks.find(other => other.alias === alias);
      if (disk === undefined) {
        throw refuse(ERROR.INTERNAL, `internal error: no device found with alias ${alias}`);
      }
      guests.ask(machine, disk);
    },
    /** Out of its definition: the next start has it no more, and nobody is told. */
    detachDefined(machine: FakeVm, alias: string): void {
      if (!machine.persistent) {
        const message = 'Requested operation is not valid: cannot modify device on transient domain';
        throw refuse(ERROR.OPERATION_INVALID, message, FROM_QEMU);
      }
      if (!machine.coldDisks.some(other => other.alias === alias)) {
        throw refuse(ERROR.INTERNAL, `internal error: no device found with alias ${alias}`);
      }
      machine.coldDisks = machine.coldDisks.filter(other => other.alias !== alias);
    },
    resize(machine: FakeVm, disk: string): void {
      if (machine.disks.some(({ target, source }) => target === disk || source === disk)) return;
      throw refuse(
        ERROR.INVALID_ARG,
        `invalid argument: disk '${disk}' was not found in the domain config`,
        FROM_QEMU,
      );
    },
  };
}
