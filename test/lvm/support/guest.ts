// Real LVM is only to be had where the kernel has device-mapper: in scripts/virt/lvm-guest.sh. Each file of tests runs in one of its own,
// and takes blank disks of it.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { constants, mkdir, open, readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import test, { type TestFn } from 'ava';

const execute = promisify(execFile);
export const inGuest = process.env.PDISK_LVM_GUEST === '1';

const why = process.env.PDISK_NO_LVM_GUEST ?? 'scripts/test runs it in a guest';

/** Where tests are declared that need real LVM; outside of the guest they are skipped, with the reason in their titles. */
export const guestTest = (
  inGuest
    ? test
    : { serial: (title: string, body: () => void) => test.serial.skip(`${title} (${why})`, body) }
) as Pick<TestFn, 'serial'>;

/** Runs a program of the system; answers what it printed. */
export async function run(program: string, ...args: string[]): Promise<string> {
  return (await execute(program, args, { maxBuffer: 2 ** 26 })).stdout;
}

export interface VolumeGroup {
  readonly name: string;
  /** The disk that it is on. */
  readonly device: string;
  /** The `pdisk-…` volumes in it. */
  volumes(): Promise<string[]>;
  /** Device nodes of such, and programs that work on it; where there are none, volumes. Asks LVM last: that takes long. */
  leftOver(): Promise<string[]>;
  remove(): Promise<void>;
}

const claimOf = (device: string): string => `/run/taken-${device.slice('/dev/'.length)}`;

/** Never given back: what was written to a disk is still on it, and whoever takes one relies on zeros. */
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

/** The kernel's own list: where there is no udev, an LVM that is killed may leave a node in /dev/mapper that leads nowhere. */
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
    // It has ended meanwhile.
    return '';
  }
}

/** The command lines of all programs that run, by process id. Not by threads, which cost the guest ten times as much. */
export async function programs(): Promise<ReadonlyMap<string, string>> {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name));
  return new Map(pids.map(pid => [pid, commandLine(pid)]));
}

/** The command lines of all programs of LVM, and of those that wipe, that speak of `word`. */
async function programsAbout(word: string): Promise<string[]> {
  const lines = [...(await programs()).values()];
  const about = new RegExp(`[ /]${word}(?:[ /]|$)`);
  return lines.filter(
    line => /^(?:\S*\/)?(?:lvm|blkdiscard|dd|sync|setpriv) /.test(line) && about.test(line),
  );
}

/** The physical extents that hold a disk's volume. */
export const extentsOf = async (vg: string, uuid: string): Promise<string> =>
  (await run('lvs', '--noheadings', '-o', 'seg_pe_ranges', `${vg}/pdisk-${uuid}`)).trim();

const PIECE = 4 * 2 ** 20;

/** Where a device, from a byte on, holds something else than zeros: the first such piece of 4 MiB, in bytes; undefined: nowhere. */
export async function firstNonZero(device: string, from = 0): Promise<number | undefined> {
  // Past the cache, which costs the guest twenty times as much, into whole pages, as that needs: a buffer that may grow has them.
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

/** A fresh volume group on a disk of its own, with a thin pool `pool` in it if asked for. */
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
