import type { Domain } from '../../../src/libvirt/domain.ts';
import type { FakeDisk } from './xml.ts';

/**
 * How the guest answers a request to unplug: at once; never, but QEMU keeps it pending until a reset or a resume;
 * it forgets it because it is still booting; or it refuses aloud.
 */
export type Manners = 'willing' | 'unwilling' | 'booting' | 'refusing';

export interface FakeVm {
  readonly name: string;
  readonly uuid: string;
  /** -1 when not running. */
  id: number;
  state: number;
  reason: number;
  persistent: boolean;
  /** How many virtio disks it has room for. */
  ports: number;
  /** Plugged now; empty when not running. */
  disks: FakeDisk[];
  /** In its definition: there at every start. */
  coldDisks: FakeDisk[];
  /** QEMU runs and holds no image: it is coming in, or it has given them up for the switch-over of its migration. */
  imagesFree: boolean;
  /** The disks in its managed save image, if it has one. */
  saved: FakeDisk[] | undefined;
  /** The disks of its snapshot, if one was made. */
  snapshot: FakeDisk[] | undefined;
  manners: Manners;
  /** Aliases that the guest was asked to let go of and has not. */
  pending: Set<string>;
  /** Aliases of disks that QEMU has no more, and that libvirt shows until it comes to take them out. */
  dropped: Set<string>;
}

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
  /** `<disk>` elements it boots with. */
  disks?: string[];
}

/** A machine in a file: whoever has the file may let it go on, here or on another host. */
export interface SavedVm {
  readonly name: string;
  readonly uuid: string;
  readonly ports: number;
  readonly manners: Manners;
  readonly disks: readonly FakeDisk[];
}

export const isRunning = ({ id }: FakeVm): boolean => id !== -1;

/** How libvirt names it to clients. */
export function domainOf({ name, uuid, id }: FakeVm): Domain {
  return { name, uuid, id };
}
