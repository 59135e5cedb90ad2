/** Where a volume is, as libvirt's disk XML names it. */
export interface VolumeSource {
  readonly type: 'file' | 'block';
  /** Absolute path. */
  readonly path: string;
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
   * error. Throws POOL_FULL or VOLUME_FAILED; when it has thrown, or `signal` was aborted, `remove` undoes whatever there is.
   */
  make(uuid: string, sizeGiB: number, signal: AbortSignal): Promise<void>;
  /** Removes the volume of a disk and every trace of making it; a missing one is no error. Throws REMOVE_FAILED. */
  remove(uuid: string, signal: AbortSignal): Promise<void>;
  /**
   * Makes the volume of a disk at least `sizeGiB` large; what is added is zeros. None is ever made smaller. Resolves with its real size in
   * bytes when the kernel knows it. Throws POOL_FULL or GROW_FAILED.
   */
  grow(uuid: string, sizeGiB: number, signal: AbortSignal): Promise<number>;
  /**
   * How large the volume of a disk is, in bytes, as the pool itself has it now: a growth whose end nobody saw may have made it larger than
   * its machines know. Undefined where there is none. Throws POOL_UNAVAILABLE.
   */
  sizeOf(uuid: string, signal: AbortSignal): Promise<number | undefined>;
  /** Whether a volume must be wiped before it is removed, or its bytes would come to light in another. */
  readonly wipes: boolean;
  /**
   * Wipes the next piece of a volume that nobody will read again, from byte `from` on; what it resolves with is on stable storage. A volume
   * that is not there is wiped. Throws WIPE_FAILED, also where somebody has it open.
   */
  wipe(uuid: string, from: number, signal: AbortSignal): Promise<Wiped>;
  /** The disks that have a volume here; half-made ones are not among them. */
  list(): Promise<readonly string[]>;
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
