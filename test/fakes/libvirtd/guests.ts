// How the operating systems in fake machines answer a request to unplug.
import { STATE_PAUSED, STATE_RUNNING } from '../../../src/libvirt/constants.ts';
import type { DomainEvent } from '../../../src/libvirt/domain.ts';
import type { Jobs } from './jobs.ts';
import { domainOf, type FakeVm } from './vm.ts';
import type { FakeDisk } from './xml.ts';

/** `emit` gets every event; `unplugMs` is how long a willing guest takes. */
export function fakeGuests(options: {
  emit(event: DomainEvent): void;
  unplugMs: number;
  jobs: Pick<Jobs, 'run' | 'isBusy'>;
}) {
  const { jobs } = options;

  /** QEMU has it no more at once. libvirt takes it out in a job of its own, which in a migration means: not if that succeeds. */
  function letGo(machine: FakeVm, alias: string): void {
    machine.pending.delete(alias);
    if (!jobs.isBusy(machine.uuid)) {
      takeOut(machine, alias);
      return;
    }
    machine.dropped.add(alias);
    const { id } = machine;
    void jobs.run(machine.uuid, async () => {
      if (machine.id === id) takeOut(machine, alias);
    });
  }

  function takeOut(machine: FakeVm, alias: string): void {
    machine.dropped.delete(alias);
    const before = machine.disks.length;
    machine.disks = machine.disks.filter(disk => disk.alias !== alias);
    if (machine.disks.length < before) {
      options.emit({ type: 'device-removed', domain: domainOf(machine), alias });
    }
  }

  /** The guest goes on whether or not libvirtd still listens: what it does meanwhile is an event that nobody hears. */
  function later(work: () => void): void {
    setTimeout(work, options.unplugMs).unref();
  }

  return {
    letGo,
    /** QEMU asks the guest to let go of `disk`; virtio-scsi needs no guest for that. */
    ask(machine: FakeVm, { alias, bus }: FakeDisk): void {
      const paused = machine.state === STATE_PAUSED;
      if (bus !== 'virtio' || (machine.manners === 'willing' && machine.state === STATE_RUNNING)) {
        later(() => letGo(machine, alias));
      } else if (machine.manners === 'unwilling' || paused) {
        machine.pending.add(alias);
      } else if (machine.manners === 'refusing') {
        options.emit({ type: 'device-removal-failed', domain: domainOf(machine), alias });
      }
    },
    /** Resumed or reset: what was asked for before happens now. */
    wake(machine: FakeVm): void {
      for (const alias of machine.pending) later(() => letGo(machine, alias));
    },
  };
}
