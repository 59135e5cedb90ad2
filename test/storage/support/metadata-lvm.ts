// LVM without device-mapper: real volume groups on loop devices, whose volumes exist in the metadata only.
// This host's own LVM is neither read nor changed: these tests have their own folder for configuration and
// locks, and LVM sees only the loop devices.
import { execFile, execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { createRunner } from '../../../src/storage/command.ts';
import type { Kernel } from '../../../src/storage/lvm/kernel.ts';
import { type LvmPoolOptions, openLvmPool } from '../../../src/storage/lvm/pool.ts';
import type { Pool } from '../../../src/storage/pool.ts';

const execute = promisify(execFile);

function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  try {
    execFileSync('/bin/sh', ['-c', 'command -v lvm && command -v losetup && [ -e /dev/loop-control ]']);
    return undefined;
  } catch {
    return 'needs lvm2 and loop devices';
  }
}

const why = obstacle();

/** Declares a serial test that needs LVM's metadata; skipped, with the reason, if there is none. */
export const metadataTest: (title: string, run: (t: ExecutionContext) => Promise<void>) => void =
  why === undefined
    ? (title, run) => test.serial(title, run)
    : (title, run) => test.serial.skip(`${title} (${why})`, run);

/** Whether these tests can run here. */
export const hasMetadataLvm = why === undefined;

/** A volume group without devices, for one test. */
export interface MetadataLvm {
  readonly directory: string;
  /**
   * Appends these lines to the lvm.conf of the pools, after those that separate it from the host's LVM;
   * replaces earlier lines.
   */
  configure(...lines: readonly string[]): Promise<void>;
  /** Creates a blank loop device with that name and size; resolves with its path. */
  addDevice(name: string, sizeGiB: number): Promise<string>;
  /** Detaches a device, as if its cable were pulled. */
  detach(name: string): Promise<void>;
  /** Attaches it again; resolves with its path. */
  attach(name: string): Promise<string>;
  /** How many programs the pools have run so far. */
  programs(): number;
  /** Runs an LVM command; resolves with its output. */
  lvm(...args: string[]): Promise<string>;
  /** Opens and begins a pool in the volume group `meta`; `expected` as of `Pool.begin`. */
  pool(more?: Partial<LvmPoolOptions> & { expected?: boolean }): Promise<Pool>;
  sizeOf(uuid: string): Promise<number | undefined>;
  /** The names of all volumes in `meta`. */
  volumes(): Promise<string[]>;
}

/** Creates a volume group `meta` of `sizeGiB` GiB; it is removed after the test. */
export async function metadataLvm(t: ExecutionContext, sizeGiB: number): Promise<MetadataLvm> {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-meta-'));
  /** The configuration of the test's own LVM commands. */
  const own = join(directory, 'own');
  await mkdir(own);
  const attached = new Map<string, string>();
  const settings: string[] = [];
  t.teardown(async () => {
    for (const device of attached.values()) await execute('losetup', ['--detach', device]);
    await rm(directory, { recursive: true });
  });

  async function configure(...more: readonly string[]): Promise<void> {
    settings.splice(0, settings.length, ...more);
    const devices = [...attached.values()].map(device => `"a|^${device}$|"`).join(', ');
    const conf = [
      `global { activation=0 locking_dir="${directory}/lock" }`,
      `devices { filter=[ ${devices}, "r|.*|" ] use_devicesfile=0 }`,
      'backup { backup=0 archive=0 }',
    ];
    await writeFile(join(own, 'lvm.conf'), conf.join('\n'));
    await writeFile(join(directory, 'lvm.conf'), [...conf, ...settings].join('\n'));
  }

  async function attach(name: string): Promise<string> {
    const device = (await execute('losetup', ['--find', '--show', join(directory, name)])).stdout.trim();
    attached.set(name, device);
    await configure(...settings);
    return device;
  }

  async function addDevice(name: string, sizeGiB: number): Promise<string> {
    const image = join(directory, name);
    await writeFile(image, '');
    await truncate(image, sizeGiB * 2 ** 30 + 2 ** 22);
    return attach(name);
  }

  async function detach(name: string): Promise<void> {
    await execute('losetup', ['--detach', attached.get(name) ?? '']);
    attached.delete(name);
    await configure(...settings);
  }

  const device = await addDevice('image', sizeGiB);
  const runs = createRunner({ LVM_SYSTEM_DIR: directory });
  let programs = 0;
  const signal = new AbortController().signal;
  const runsByHand = createRunner({ LVM_SYSTEM_DIR: own });
  const lvm = (...args: string[]): Promise<string> => runsByHand('lvm', args, signal);
  await lvm('vgcreate', '--quiet', 'meta', device);

  const rows = async (): Promise<string[][]> => {
    const options = ['--noheadings', '--units', 'b', '--nosuffix', '-o', 'lv_name,lv_size'];
    const lines = (await lvm('lvs', ...options, 'meta')).split('\n');
    return lines.map(line => line.trim().split(/\s+/)).filter(row => row.length === 2);
  };
  const sizeOf = async (uuid: string): Promise<number | undefined> => {
    const row = (await rows()).find(([name]) => name === `pdisk-${uuid}`);
    return row && Number(row[1]);
  };
  const kernel: Kernel = {
    // There are no devices.
    dmUuidOf: async () => undefined,
    isSuspended: async () => false,
    bytesOf: path => sizeOf(path.replace('/dev/meta/pdisk-', '')),
    canZero: async () => false,
    canDiscard: async () => false,
  };
  return {
    directory,
    configure,
    addDevice,
    attach,
    detach,
    programs: () => programs,
    lvm,
    async pool({ expected = false, ...more } = {}) {
      const pool = await openLvmPool({
        vg: 'meta',
        thinPool: undefined,
        overcommit: 1,
        wipe: 'zero',
        wipeRateMiB: undefined,
        owner: 'test',
        kernel,
        run: (program, args, signal) => {
          programs += 1;
          const withoutDevices = args.map(arg => arg.replace('activation=1', 'activation=0'));
          return runs(program, withoutDevices, signal);
        },
        ...more,
      });
      await pool.begin(expected);
      return pool;
    },
    sizeOf,
    volumes: async () => (await rows()).map(([name = '']) => name),
  };
}
