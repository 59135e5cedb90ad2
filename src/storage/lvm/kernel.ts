import { readFile, stat } from 'node:fs/promises';
import { isMissing } from '../../lib/missing.ts';
import { inThread } from '../threads.ts';

const SECTOR = 512;

/** sysfs answers ENODEV where the device was removed after its file had been opened. */
const isGone = (error: unknown): boolean =>
  isMissing(error) || (error as NodeJS.ErrnoException).code === 'ENODEV';

/** What the kernel knows about a block device. The methods throw the error of the operating system. */
export interface Kernel {
  /** The size of the device at this path in bytes; undefined if there is no such device. */
  bytesOf(path: string): Promise<number | undefined>;
  /**
   * The UUID in device-mapper of the device at this path; undefined if it is not a device of device-mapper.
   */
  dmUuidOf(path: string): Promise<string | undefined>;
  /** Whether device-mapper has suspended the device: its I/O waits until it is resumed. */
  isSuspended(path: string): Promise<boolean>;
  /** Whether the device supports the command WRITE ZEROES. */
  canZero(path: string): Promise<boolean>;
  /** Whether the device supports discard. */
  canDiscard(path: string): Promise<boolean>;
}

async function attributeOf(path: string, attribute: string): Promise<string | undefined> {
  try {
    const found = await inThread(() => stat(path));
    if (!found.isBlockDevice()) return undefined;
    // makedev(3), as glibc packs it.
    const major = (found.rdev >>> 8) & 0xfff;
    const minor = (found.rdev & 0xff) | ((found.rdev >>> 12) & 0xfff00);
    const file = `/sys/dev/block/${major}:${minor}/${attribute}`;
    return (await inThread(() => readFile(file, 'utf8'))).trim();
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** From sysfs (Documentation/ABI/stable/sysfs-block): without a process and without opening a device. */
export const sysfs: Kernel = {
  async bytesOf(path) {
    const sectors = await attributeOf(path, 'size');
    return sectors === undefined ? undefined : Number(sectors) * SECTOR;
  },
  dmUuidOf: path => attributeOf(path, 'dm/uuid'),
  isSuspended: async path => (await attributeOf(path, 'dm/suspended')) === '1',
  canZero: async path => Number((await attributeOf(path, 'queue/write_zeroes_max_bytes')) ?? 0) > 0,
  canDiscard: async path => Number((await attributeOf(path, 'queue/discard_max_bytes')) ?? 0) > 0,
};
