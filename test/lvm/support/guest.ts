// Real LVM is only to be had where the kernel has device-mapper: in scripts/virt/lvm-guest.sh, whose blank disk /dev/vda every file
// of tests has for itself, for they run there one after the other.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test, { type TestFn } from 'ava';

const execute = promisify(execFile);
const inGuest = process.env.PDISK_LVM_GUEST === '1';

/** Where tests are declared that need real LVM; outside of the guest they are skipped. */
export const guestTest = (inGuest ? test : { serial: test.serial.skip }) as Pick<TestFn, 'serial'>;

/** Runs a program of the system; answers what it printed. */
export async function run(program: string, ...args: string[]): Promise<string> {
  return (await execute(program, args)).stdout;
}

/** The processes of this machine whose name is LVM's, or one of its helpers'. */
export async function lvmProcesses(): Promise<string[]> {
  const names = (await run('ps', '-e', '-o', 'comm=')).split('\n');
  return names.filter(name => /^(lvm|lv|vg|pv|blkdiscard|dd$|setpriv)/.test(name));
}

export interface VolumeGroup {
  readonly name: string;
  /** `pdisk-…` volumes, and device nodes of such. */
  leftOver(): Promise<string[]>;
  remove(): Promise<void>;
}

/** A fresh volume group on /dev/vda, with a thin pool `pool` in it if asked for. */
export async function createVolumeGroup(name: string, thinPoolGiB?: number): Promise<VolumeGroup> {
  await run('vgcreate', '--quiet', '--yes', name, '/dev/vda');
  if (thinPoolGiB !== undefined) {
    await run(
      'lvcreate',
      '--quiet',
      '--yes',
      '--type',
      'thin-pool',
      '-L',
      `${thinPoolGiB}g`,
      '-n',
      'pool',
      name,
    );
  }
  return {
    name,
    async leftOver() {
      const volumes = (await run('lvs', '--noheadings', '-o', 'lv_name', name))
        .split('\n')
        .map(line => line.trim());
      const nodes = (await run('ls', '/dev/mapper')).split('\n');
      return [
        ...volumes.filter(one => one.startsWith('pdisk-')),
        ...nodes.filter(one => one.includes('pdisk')),
      ];
    },
    async remove() {
      await run('vgremove', '--quiet', '--yes', '--force', name);
    },
  };
}
