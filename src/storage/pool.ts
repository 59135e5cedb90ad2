/** The place of a volume, in the terms of libvirt's disk XML. */
export interface VolumeSource {
  readonly type: 'file' | 'block';
  /** Absolute path. */
  readonly path: string;
}

/** A disk's volume in a pool. */
export interface VolumeEntry {
  readonly uuid: string;
  readonly bytes: number;
  /** When it was created in this pool, in milliseconds since 1970; undefined if the pool does not know. */
  readonly createdMs: number | undefined;
  /**
   * Bytes allocated for a sparse file; 0 means that nothing was ever written. Undefined for other volumes.
   */
  readonly writtenBytes?: number | undefined;
  /**
   * Why the volume must be left as it is, as the end of a sentence that begins with "the volume": another
   * program has changed its kind, so wiping, resizing and deleting fail with this text. Undefined: it is as
   * pdisk created it.
   */
  readonly obstacle?: string | undefined;
}

/** A file or logical volume in a pool that has the name of a disk but is not its volume. */
export interface Stranger {
  /** Its name in the directory, or in the volume group. */
  readonly name: string;
  /** The disk whose UUID is in its name. */
  readonly uuid: string;
  readonly bytes: number;
}

/** The progress of wiping. */
interface Wiped {
  /** Bytes wiped so far, from the start of the volume. */
  readonly bytes: number;
  /** Size of the volume in bytes. */
  readonly of: number;
}

/** How much of one resource of a pool is used, in percent. */
export interface Use {
  /** `metadata`: the space in which a thin pool records its blocks. */
  readonly what: 'data' | 'metadata';
  readonly percent: number;
}

/** A place that holds the volumes of disks. Errors are `PdiskError`s. */
export interface Pool {
  /**
   * Creates the volume of a disk: all zeros, exactly `sizeGiB` large, and on stable storage when it resolves.
   * Idempotent. A call that still waits when `begin` is aborted is not begun. Throws POOL_BUSY or
   * POOL_UNAVAILABLE if nothing was begun, POOL_FULL or VOLUME_FAILED; after the latter two, or if `signal`
   * was aborted, `delete` undoes the creation.
   */
  create(uuid: string, sizeGiB: number, signal: AbortSignal, begin?: AbortSignal): Promise<void>;
  /**
   * Deletes the volume of a disk and all remains of its creation. A volume that certainly does not exist is
   * no error. A volume is never deleted if it is not as pdisk created it, or if another volume depends on it.
   * Throws REMOVE_FAILED or POOL_UNAVAILABLE.
   */
  delete(uuid: string, signal: AbortSignal): Promise<void>;
  /**
   * Resizes the volume of a disk to at least `sizeGiB`; the added bytes are zeros. A volume is never shrunk.
   * A call that still waits when `begin` is aborted is not begun. Resolves with the real size in bytes when
   * the kernel shows it. Throws POOL_BUSY or POOL_UNAVAILABLE if nothing was begun, POOL_FULL or GROW_FAILED.
   */
  resize(uuid: string, sizeGiB: number, signal: AbortSignal, begin?: AbortSignal): Promise<number>;
  /**
   * The size in bytes of a disk's volume, as the pool has it now: after a resize whose result was lost, it
   * may be larger than the VMs know. Undefined if there is no volume. Throws POOL_UNAVAILABLE.
   */
  sizeOf(uuid: string, signal: AbortSignal): Promise<number | undefined>;
  /**
   * Whether a volume must be wiped before it is deleted, because the next volume may get its blocks unzeroed.
   */
  readonly wipes: boolean;
  /**
   * Wipes the next piece of a deleted disk's volume, from byte `from` on; the wiped bytes are on stable
   * storage when it resolves. Only for pools with `wipes`. Throws POOL_UNAVAILABLE, or WIPE_FAILED: also if
   * another program has the volume open or has changed its kind, or if there is no volume, since it is then
   * not known where its bytes are.
   */
  wipe(uuid: string, from: number, signal: AbortSignal): Promise<Wiped>;
  /**
   * The volumes of disks. An incomplete one may be among them, as a file of 0 bytes. Throws POOL_UNAVAILABLE.
   */
  list(): Promise<readonly VolumeEntry[]>;
  /**
   * Files and logical volumes with the name of a disk that are not its volume: the overlay of a backup tool
   * (`UUID.bk`), a snapshot, a renamed volume. pdisk never touches them. Throws POOL_UNAVAILABLE.
   */
  strangers(): Promise<readonly Stranger[]>;
  /** A quick check that volumes can be created and deleted now. Throws POOL_UNAVAILABLE. */
  check(): Promise<void>;
  /**
   * How many bytes may be promised to disks in all, including the existing ones. The value may be a minute
   * old. Throws POOL_UNAVAILABLE.
   */
  promisableBytes(): Promise<number>;
  /**
   * The use of each resource that may run out while guests write; empty if volumes are fully allocated. The
   * value may be some seconds old. Throws POOL_UNAVAILABLE.
   */
  use(): Promise<readonly Use[]>;
  /** Where the volume of a disk is, or would be. */
  source(uuid: string): VolumeSource;
  /**
   * To be called once at start, before all other methods. Claims the place of the volumes; `expected`: the
   * store has disks, so the place must be claimed by this pdisk already. Throws POOL_UNAVAILABLE, also where
   * `signal` is aborted before it is done; a claim that has begun is finished.
   */
  begin(expected: boolean, signal?: AbortSignal): Promise<void>;
}
