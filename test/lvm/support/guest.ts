// Real LVM is only to be had where the kernel has device-mapper: in scripts/virt/lvm-guest.sh. Files of tests run there side by side,
// and each takes one of its blank disks.
import { execFile } from 'node:child_process';
import { mkdir, rmdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import test, { type TestFn } from 'ava';

const execute = promisify(execFile);
export const inGuest = process.env.PDISK_LVM_GUEST === '1';

/** Where tests are declared that need real LVM; outside of the guest they are skipped. */
export const guestTest = (inGuest ? test : { serial: test.serial.skip }) as Pick<TestFn, 'serial'>;

/** Runs a program of the system; answers what it printed. */
export async function run(program: string, ...args: string[]): Promise<string> {
  return (await execute(program, args, { maxBuffer: 2 ** 26 })).stdout;
}

export interface VolumeGroup {
  readonly name: string;
  /** The disk that it is on. */
  readonly device: string;
  /** `pdisk-…` volumes in it, device nodes of such, and programs that work on it. */
  leftOver(): Promise<string[]>;
  remove(): Promise<void>;
}

const claimOf = (device: string): string => `/run/taken-${device.slice('/dev/'.length)}`;

async function claimDisk(): Promise<string> {
  for (const device of ['/dev/vda', '/dev/vdb', '/dev/vdc']) {
    const claimed = await mkdir(claimOf(device)).then(
      () => true,
      () => false,
    );
    if (claimed) return device;
  }
  throw new Error('the guest has no free disk');
}

/** The command lines of all programs that speak of `word`. */
async function programsAbout(word: string): Promise<string[]> {
  const lines = (await run('ps', '-e', '-o', 'comm=,args=')).split('\n');
  return lines.filter(line => /^(lvm|lv|vg|pv|blkdiscard|dd |setpriv)/.test(line) && line.includes(word));
}

/** A fresh volume group on a disk of its own, with a thin pool `pool` in it if asked for. */
export async function createVolumeGroup(name: string, thinPoolGiB?: number): Promise<VolumeGroup> {
  const device = await claimDisk();
  await run('vgcreate', '--quiet', '--yes', name, device);
  if (thinPoolGiB !== undefined) {
    const pool = ['--type', 'thin-pool', '--size', `${thinPoolGiB}g`, '--name', 'pool'];
    await run('lvcreate', '--quiet', '--yes', ...pool, name);
  }
  return {
    name,
    device,
    async leftOver() {
      const lvs = await run('lvs', '--noheadings', '-o', 'lv_name', name);
      const volumes = lvs.split('\n').flatMap(line => line.match(/pdisk-\S+/) ?? []);
      const nodes = (await run('ls', '/dev/mapper')).split('\n');
      const ours = nodes.filter(one => one.startsWith(`${name.replaceAll('-', '--')}-pdisk`));
      return [...volumes, ...ours, ...(await programsAbout(name))];
    },
    async remove() {
      await run('vgremove', '--quiet', '--yes', '--force', name);
      await rmdir(claimOf(device));
    },
  };
}
