// Real LVM needs a kernel with device-mapper, which scripts/virt/lvm-guest.sh provides. Each test file runs
// in a guest of its own and takes blank disks of it.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { constants, mkdir, open, readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import test, { type TestFn } from 'ava';

const execute = promisify(execFile);
export const inGuest = process.env.PDISK_LVM_GUEST === '1';

const why = process.env.PDISK_NO_LVM_GUEST ?? 'scripts/test runs it in a guest';

/** Declares a test that needs real LVM; outside of the guest it is skipped, with the reason in its title. */
export const guestTest = (
  inGuest
    ? test
    : { serial: (title: string, body: () => void) => test.serial.skip(`${title} (${why})`, body) }
) as Pick<TestFn, 'serial'>;

/** Runs a program of the system; resolves with its standard output. */
export async function run(program: string, ...args: string[]): Promise<string> {
  return (await execute(program, args, { maxBuffer: 2 ** 26 })).stdout;
}

export interface VolumeGroup {
  readonly name: string;
  /** The device of its physical volume. */
  readonly device: string;
  /** The names of the `pdisk-…` volumes in it. */
  volumes(): Promise<string[]>;
  /**
   * Device nodes of such volumes, and programs that work on them; if there are none, the volumes. LVM is
   * asked last, because that takes long.
   */
  leftOver(): Promise<string[]>;
  remove(): Promise<void>;
}

const claimOf = (device: string): string => `/run/taken-${device.slice('/dev/'.length)}`;

/**
 * Takes a blank disk of the guest. Disks are never reused: they would hold old data, and tests rely on zeros.
 */
async function claimDisk(): Promise<string> {
  const names = (await readdir('/dev')).filter(name => /^ubd[a-z]$/.test(name)).sort();
  for (const device of names.map(name => `/dev/${name}`)) {
    const claimed = await mkdir(claimOf(device)).then(
      () => true,
      () => false,
    );
    if (claimed) return device;
  }
  throw new Error('the guest has no free disk');
}

/**
 * The kernel's own list: without udev, an LVM that is killed may leave a node in /dev/mapper that leads
 * nowhere.
 */
async function mapped(): Promise<string[]> {
  const devices = (await readdir('/sys/block')).filter(one => one.startsWith('dm-'));
  const names = await Promise.all(
    devices.map(one => readFile(`/sys/block/${one}/dm/name`, 'utf8').catch(() => '')),
  );
  return names.map(one => one.trim());
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    // The process has ended meanwhile.
    return '';
  }
}

/**
 * The command lines of all running programs, by process id. Not of their threads: reading those takes the
 * guest ten times as long.
 */
export async function programs(): Promise<ReadonlyMap<string, string>> {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name));
  return new Map(pids.map(pid => [pid, commandLine(pid)]));
}

/** The command lines of all programs of LVM or for wiping that contain `word`. */
async function programsAbout(word: string): Promise<string[]> {
  const lines = [...(await programs()).values()];
  const about = new RegExp(`[ /]${word}(?:[ /]|$)`);
  return lines.filter(
    line => /^(?:\S*\/)?(?:lvm|blkdiscard|dd|sync|setpriv) /.test(line) && about.test(line),
  );
}

/** The physical extents of a disk's volume, as LVM's report lists them. */
export const extentsOf = async (vg: string, uuid: string): Promise<string> =>
  (await run('lvs', '--noheadings', '-o', 'seg_pe_ranges', `${vg}/pdisk-${uuid}`)).trim();

const PIECE = 4 * 2 ** 20;

/**
 * The offset in bytes, from `from` on, of the first piece of 4 MiB of a device that is not all zeros;
 * undefined: there is none.
 */
export async function firstNonZero(device: string, from = 0): Promise<number | undefined> {
  // O_DIRECT bypasses the page cache, which takes the guest twenty times as long. It needs a page-aligned
  // buffer: a resizable one is.
  const file = await open(device, constants.O_RDONLY | constants.O_DIRECT);
  try {
    const zeros = Buffer.alloc(PIECE);
    const buffer = Buffer.from(new ArrayBuffer(PIECE, { maxByteLength: PIECE }));
    for (let at = from; ; at += PIECE) {
      const { bytesRead } = await file.read(buffer, 0, PIECE, at);
      if (bytesRead === 0) return undefined;
      if (!buffer.subarray(0, bytesRead).equals(zeros.subarray(0, bytesRead))) return at;
    }
  } finally {
    await file.close();
  }
}

/** A new volume group on a disk of its own, with a thin pool `pool` in it if a size is given. */
export async function createVolumeGroup(name: string, thinPoolGiB?: number): Promise<VolumeGroup> {
  const device = await claimDisk();
  await run('vgcreate', '--quiet', '--yes', name, device);
  if (thinPoolGiB !== undefined) {
    const pool = ['--type', 'thin-pool', '--size', `${thinPoolGiB}g`, '--name', 'pool'];
    await run('lvcreate', '--quiet', '--yes', ...pool, name);
  }
  async function volumes(): Promise<string[]> {
    const lvs = await run('lvs', '--noheadings', '-o', 'lv_name', name);
    return lvs.split('\n').flatMap(line => line.match(/pdisk-\S+/) ?? []);
  }
  return {
    name,
    device,
    volumes,
    async leftOver() {
      const ours = (await mapped()).filter(one => one.startsWith(`${name}-pdisk`));
      const seen = [...ours, ...(await programsAbout(name))];
      return seen.length > 0 ? seen : volumes();
    },
    async remove() {
      await run('vgremove', '--quiet', '--yes', '--force', name);
    },
  };
}
