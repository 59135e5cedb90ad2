/** Where a volume is, as libvirt's disk XML names it. */
export interface VolumeSource {
  readonly type: 'file' | 'block';
  /** Absolute path. */
  readonly path: string;
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
  /** The disks that have a volume here; half-made ones are not among them. */
  list(): Promise<readonly string[]>;
  /** How many bytes may be promised to disks in all, those that exist included. May be some seconds old. Throws POOL_UNAVAILABLE. */
  promisableBytes(): Promise<number>;
  /** Where the volume of a disk is, or would be. */
  source(uuid: string): VolumeSource;
  /** Removes what an interrupted `make` left behind. Only at start, before any `make`. */
  clean(): Promise<void>;
}
