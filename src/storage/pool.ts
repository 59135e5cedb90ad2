/** Where a volume is, as libvirt's disk XML names it. */
export interface VolumeSource {
  readonly type: 'file' | 'block';
  /** Absolute path. */
  readonly path: string;
}

/** A disk's volume in a pool. */
export interface VolumeEntry {
  readonly uuid: string;
  readonly bytes: number;
  /** When it was made here, in milliseconds since 1970; undefined where the pool does not know. */
  readonly createdMs: number | undefined;
  /** How much room it takes, where that tells whether anything was ever written to it (0: nothing); undefined where it does not. */
  readonly writtenBytes?: number | undefined;
  /**
   * Why it is left as it is, to follow "the volume": somebody has made something else of it, and what is asked of the pool about it (wiping,
   * growing, removing) fails with this. Undefined: it is as we made it.
   */
  readonly obstacle?: string | undefined;
}

/** What lies in a pool under the name of a disk, and is not its volume. */
export interface Stranger {
  /** Its name in the directory, or in the volume group. */
  readonly name: string;
  /** The disk whose name it bears. */
  readonly uuid: string;
  readonly bytes: number;
}

/** How far a volume is wiped, of how many bytes. */
interface Wiped {
  readonly bytes: number;
  readonly of: number;
}

/** How much of what a pool has is used, in percent. */
export interface Use {
  /** `metadata`: what a thin pool keeps about its blocks. */
  readonly what: 'data' | 'metadata';
  readonly percent: number;
}

/** What is needed of a place that holds volumes. Errors are `PdiskError`s. */
export interface Pool {
  /**
   * Makes the volume of a disk, all zeros, exactly `sizeGiB` large and on stable storage when it resolves. Making it again is no
   * error. Once `begin` is aborted it is not begun any more. Throws POOL_BUSY or POOL_UNAVAILABLE where nothing was begun, POOL_FULL
   * or VOLUME_FAILED; after the latter two, or when `signal` was aborted, `remove` undoes whatever there is.
   */
  make(uuid: string, sizeGiB: number, signal: AbortSignal, begin?: AbortSignal): Promise<void>;
  /**
   * Removes the volume of a disk and every trace of making it; one that is certainly not there is no error. Never removes one that is not
   * as we made it, or in which somebody else has a share. Throws REMOVE_FAILED or POOL_UNAVAILABLE.
   */
  remove(uuid: string, signal: AbortSignal): Promise<void>;
  /**
   * Makes the volume of a disk at least `sizeGiB` large; what is added is zeros. None is ever made smaller. Once `begin` is aborted it is not
   * begun any more. Resolves with its real size in bytes when the kernel knows it. Throws POOL_BUSY or POOL_UNAVAILABLE where nothing was
   * begun, POOL_FULL or GROW_FAILED.
   */
  grow(uuid: string, sizeGiB: number, signal: AbortSignal, begin?: AbortSignal): Promise<number>;
  /**
   * How large the volume of a disk is, in bytes, as the pool itself has it now: a growth whose end nobody saw may have made it larger than
   * its machines know. Undefined where there is none. Throws POOL_UNAVAILABLE.
   */
  sizeOf(uuid: string, signal: AbortSignal): Promise<number | undefined>;
  /** Whether a volume must be wiped before it is removed, or its bytes would come to light in another. */
  readonly wipes: boolean;
  /**
   * Wipes the next piece of a volume that nobody will read again, from byte `from` on; what it resolves with is on stable storage. Only for
   * pools with `wipes`. Throws WIPE_FAILED, also where somebody has it open or has made something else of it, or where there is none: nobody
   * knows then what has become of its bytes. Throws POOL_UNAVAILABLE.
   */
  wipe(uuid: string, from: number, signal: AbortSignal): Promise<Wiped>;
  /** The volumes of disks. One that was half made may be among them: a file of no bytes. Throws POOL_UNAVAILABLE. */
  list(): Promise<readonly VolumeEntry[]>;
  /**
   * A backup tool's overlay, say (`UUID.bk`), a snapshot, or a volume that was renamed. Nothing here ever touches such a thing. Throws
   * POOL_UNAVAILABLE.
   */
  strangers(): Promise<readonly Stranger[]>;
  /** Resolves if volumes can be made and removed at this moment, as far as a quick look tells. Throws POOL_UNAVAILABLE. */
  check(): Promise<void>;
  /** How many bytes may be promised to disks in all, those that exist included. May be a minute old. Throws POOL_UNAVAILABLE. */
  promisableBytes(): Promise<number>;
  /**
   * How full it is of what a guest's writes may need more of; nothing where every volume has its room for certain. May be some seconds old.
   * Throws POOL_UNAVAILABLE.
   */
  use(): Promise<readonly Use[]>;
  /** Where the volume of a disk is, or would be. */
  source(uuid: string): VolumeSource;
  /**
   * Only at start, before anything else: makes sure that this is the place of our volumes, of which there are some if `expected`, and
   * removes what an interrupted `make` left behind. Throws POOL_UNAVAILABLE.
   */
  begin(expected: boolean): Promise<void>;
}
