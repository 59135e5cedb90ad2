// Plugging and unplugging in fake VMs, and QEMU's locks on their images.
import { ERROR } from '../../../src/libvirt/constants.ts';
import type { DomainEvent } from '../../../src/libvirt/domain.ts';
import { LibvirtError } from '../../../src/libvirt/errors.ts';
import { fakeGuests } from './guests.ts';
import type { Jobs } from './jobs.ts';
import { domainOf, type FakeVm } from './vm.ts';
import { type FakeDisk, FROM_DOMAIN, FROM_QEMU } from './xml.ts';

/** libvirt's error for a refused call. */
export function refuse(code: number, message: string, domain = FROM_DOMAIN): LibvirtError {
  return new LibvirtError(message, { code, domain });
}

/** Throws libvirt's error if another VM holds a lock on the image of a disk. */
export type AssertUnlocked = (disk: FakeDisk, self?: FakeVm) => void;

/**
 * The locks of all VMs: a writable image may be open in several VMs only if it is shareable in all of them.
 */
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

/** `emit` gets every event; `unplugMs` is how long a willing guest takes to release a device. */
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
    attach(vm: FakeVm, disk: FakeDisk): void {
      const rival = vm.disks.find(other => other.target === disk.target);
      if (vm.disks.some(other => other.alias === disk.alias)) {
        const message = `unsupported configuration: non unique alias detected: ${disk.alias}`;
        throw refuse(ERROR.CONFIG_UNSUPPORTED, message);
      }
      if (rival !== undefined) {
        const sources = `'${disk.source}' and '${rival.source}'`;
        throw refuse(ERROR.XML, `XML error: target '${disk.target}' duplicated for disk sources ${sources}`);
      }
      const used = vm.disks.filter(({ bus }) => bus === 'virtio').length;
      if (disk.bus === 'virtio' && used >= vm.ports) {
        throw refuse(ERROR.INTERNAL, 'internal error: No more available PCI slots');
      }
      options.assertUnlocked(disk);
      vm.disks.push(disk);
      // The event is sent before the answer, as libvirtd often does: a client must subscribe before the call.
      options.emit({ type: 'device-added', domain: domainOf(vm), alias: disk.alias });
    },
    detach(vm: FakeVm, alias: string): void {
      const disk = vm.disks.find(other => other.alias === alias);
      if (disk === undefined) {
        throw refuse(ERROR.INTERNAL, `internal error: no device found with alias ${alias}`);
      }
      guests.ask(vm, disk);
    },
    /** Removes a disk from the definition, without an event: the next start does not have it. */
    detachDefined(vm: FakeVm, alias: string): void {
      if (!vm.persistent) {
        const message = 'Requested operation is not valid: cannot modify device on transient domain';
        throw refuse(ERROR.OPERATION_INVALID, message, FROM_QEMU);
      }
      if (!vm.coldDisks.some(other => other.alias === alias)) {
        throw refuse(ERROR.INTERNAL, `internal error: no device found with alias ${alias}`);
      }
      vm.coldDisks = vm.coldDisks.filter(other => other.alias !== alias);
    },
    resize(vm: FakeVm, disk: string): void {
      if (vm.disks.some(({ target, source }) => target === disk || source === disk)) return;
      throw refuse(
        ERROR.INVALID_ARG,
        `invalid argument: disk '${disk}' was not found in the domain config`,
        FROM_QEMU,
      );
    },
  };
}
