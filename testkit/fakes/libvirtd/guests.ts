// How the guests in fake VMs answer a request to unplug.
import { STATE_PAUSED, STATE_RUNNING } from '../../../src/libvirt/constants.ts';
import type { DomainEvent } from '../../../src/libvirt/domain.ts';
import type { Jobs } from './jobs.ts';
import { domainOf, type FakeVm } from './vm.ts';
import type { FakeDisk } from './xml.ts';

/** `emit` gets every event; `unplugMs` is how long a willing guest takes to release a device. */
export function fakeGuests(options: {
  emit(event: DomainEvent): void;
  unplugMs: number;
  jobs: Pick<Jobs, 'run' | 'isBusy'>;
}) {
  const { jobs } = options;

  /**
   * QEMU removes the device at once. libvirt removes it from the live XML in a job of its own; while a
   * migration holds the domain, that job waits, and is never executed here if the migration succeeds.
   */
  function letGo(vm: FakeVm, alias: string): void {
    vm.pending.delete(alias);
    if (!jobs.isBusy(vm.uuid)) {
      takeOut(vm, alias);
      return;
    }
    vm.dropped.add(alias);
    const { id } = vm;
    void jobs.run(vm.uuid, async () => {
      if (vm.id === id) takeOut(vm, alias);
    });
  }

  function takeOut(vm: FakeVm, alias: string): void {
    vm.dropped.delete(alias);
    const before = vm.disks.length;
    vm.disks = vm.disks.filter(disk => disk.alias !== alias);
    if (vm.disks.length < before) {
      options.emit({ type: 'device-removed', domain: domainOf(vm), alias });
    }
  }

  /** The guest acts even while libvirtd is stopped; then no client gets the event. */
  function later(work: () => void): void {
    setTimeout(work, options.unplugMs).unref();
  }

  return {
    letGo,
    /** QEMU asks the guest to release `disk`; a virtio-scsi disk is removed without the guest. */
    ask(vm: FakeVm, { alias, bus }: FakeDisk): void {
      const paused = vm.state === STATE_PAUSED;
      if (bus !== 'virtio' || (vm.manners === 'willing' && vm.state === STATE_RUNNING)) {
        later(() => letGo(vm, alias));
      } else if (vm.manners === 'unwilling' || paused) {
        vm.pending.add(alias);
      } else if (vm.manners === 'refusing') {
        options.emit({ type: 'device-removal-failed', domain: domainOf(vm), alias });
      }
    },
    /** After a resume or a reset, the pending unplug requests are executed. */
    wake(vm: FakeVm): void {
      for (const alias of vm.pending) later(() => letGo(vm, alias));
    },
  };
}
