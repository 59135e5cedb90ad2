import type { Domain } from '../../../src/libvirt/domain.ts';
import type { FakeDisk } from './xml.ts';

/**
 * How the guest answers a request to unplug. `willing`: it releases the device. `unwilling`: it does nothing,
 * and QEMU keeps the request pending until a reset or a resume. `booting`: the request is lost. `refusing`:
 * it refuses, and libvirt sends an event.
 */
export type Manners = 'willing' | 'unwilling' | 'booting' | 'refusing';

/** The state of a fake VM, as QEMU and libvirt have it. */
export interface FakeVm {
  readonly name: string;
  readonly uuid: string;
  /** -1 when not running. */
  id: number;
  state: number;
  reason: number;
  persistent: boolean;
  /** Highest number of virtio disks. */
  ports: number;
  /** The disks of the live domain; empty when not running. */
  disks: FakeDisk[];
  /** The disks of its definition, with which it starts. */
  coldDisks: FakeDisk[];
  /**
   * Whether QEMU runs without a lock on its images: an incoming copy, or the source during the switch-over.
   */
  imagesFree: boolean;
  /** The disks in its managed save image, if it has one. */
  saved: FakeDisk[] | undefined;
  /** The disks of its snapshot, if it has one. */
  snapshot: FakeDisk[] | undefined;
  manners: Manners;
  /** Aliases of devices that the guest was asked to release and has not. */
  pending: Set<string>;
  /** Aliases of disks that QEMU has removed and that libvirt's live XML still shows. */
  dropped: Set<string>;
}

/** A VM to be added to a fake. */
export interface FakeVmSettings {
  name: string;
  uuid?: string;
  /** Default true. */
  running?: boolean;
  /** Default true. */
  persistent?: boolean;
  /** Default 6. */
  ports?: number;
  /** Default willing. */
  manners?: Manners;
  /** `<disk>` elements of its definition. */
  disks?: string[];
}

/** A VM saved to a file, from which it can be restored on any host. */
export interface SavedVm {
  readonly name: string;
  readonly uuid: string;
  readonly ports: number;
  readonly manners: Manners;
  readonly disks: readonly FakeDisk[];
}

export const isRunning = ({ id }: FakeVm): boolean => id !== -1;

/** libvirt's reference to a VM's domain. */
export function domainOf({ name, uuid, id }: FakeVm): Domain {
  return { name, uuid, id };
}
