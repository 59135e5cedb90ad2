// What the tests of trouble share: a libvirtd and two services, of which one waits for guests as long as it
// takes, and one gives them up soon and has a small pool.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { beforeLibvirtTests } from '../../../testkit/libvirt-test.ts';
import { type Libvirtd, startLibvirtd } from '../../../testkit/libvirtd.ts';
import { leftOver } from '../../../testkit/nothing-left.ts';
import { type Reply, type Service, startService } from '../../../testkit/service.ts';
import { until } from '../../../testkit/until.ts';
import { nothingIsLeft, on, usersOf } from './disks.ts';

const run = promisify(execFile);
/** For `until`: a guest may need minutes on a busy host. */
export const patience = { timeoutMs: 300_000 };

export let libvirtd: Libvirtd;
/** Waits for guests as long as it takes. */
export let patient: Service;
/** Gives guests up soon; its pool is on a small file system. */
export let hasty: Service;
/** The file system of that pool. */
export let small: Awaited<ReturnType<typeof smallFileSystem>>;

/** A file system of 24 MiB, as a pool. Not a tmpfs: before Linux 6.6 QEMU could not open images there. */
async function smallFileSystem() {
  const dir = await mkdtemp(join(tmpdir(), 'pdisk-small-'));
  const [image, mounted] = [join(dir, 'image'), join(dir, 'mounted')];
  await mkdir(mounted);
  await run('truncate', ['-s', '24M', image]);
  await run('mkfs.ext4', ['-q', '-O', '^has_journal', '-m', '0', image]);
  await run('mount', ['-o', 'loop', image, mounted]);
  const filler = join(mounted, 'filler');
  return {
    mounted,
    /** Leaves 4 MiB. */
    async fill() {
      const { bavail, bsize } = await statfs(mounted);
      await run('fallocate', ['-l', String(bavail * bsize - 4 * 2 ** 20), filler]);
    },
    empty: () => rm(filler),
    async end() {
      await run('umount', ['-l', mounted]);
      await rm(dir, { recursive: true });
    },
  };
}

/** Starts libvirtd and the services before the tests of a file, which run one after the other. */
export function useTrouble(): void {
  beforeLibvirtTests(async () => {
    small = await smallFileSystem();
    // Sees what is mounted when it starts.
    libvirtd = await startLibvirtd();
    const settings = { nodes: { 'onehost-1': libvirtd.uri }, reconcile_interval: 2 };
    const long = { attach_timeout: 600, detach_timeout: 600 };
    // At level debug the calls to libvirt are logged.
    patient = await startService({ ...settings, ...long, log_level: 'debug' });
    const pool = `file:${join(small.mounted, 'pool')}`;
    hasty = await startService({ ...settings, detach_timeout: 4, pool, overcommit: 10_000 });
  });

  test.after.always(async () => {
    await patient?.remove();
    await hasty?.remove();
    await libvirtd?.stop();
    await small?.end();
  });

  test.afterEach.always(t => {
    if (!t.passed) t.log(patient?.log().slice(-2500), hasty?.log().slice(-2500));
  });
}

export const hotattach = (uuid: string, vm: string, by: Service): Promise<Reply> =>
  by.call('POST', `/api/hotattach/${uuid}`, on(vm));
export const hotdetach = (uuid: string, vm: string, by: Service): Promise<Reply> =>
  by.call('POST', `/api/hotdetach/${uuid}`, on(vm));

/** Creates a disk and plugs it; resolves with its UUID. */
export async function plugged(t: ExecutionContext, vm: string, by: Service): Promise<string> {
  const uuid = await by.create();
  const reply = await hotattach(uuid, vm, by);
  t.is(reply.status, 200, reply.text);
  return uuid;
}

/** Waits until libvirtd waits for the QEMU of a VM, which is stopped. */
export const qemuIsAsked = (vm: string): Promise<unknown> =>
  until(async () => !(await libvirtd.virsh('domcontrol', vm)).startsWith('ok'), 'QEMU to be asked', patience);

/** Begins to unplug a disk; resolves when its guest was asked, with the answer that is yet to come. */
export async function beginsToUnplug(uuid: string, vm: string): Promise<{ answer: Promise<Reply> }> {
  const before = patient.log().length;
  const answer = hotdetach(uuid, vm, patient);
  const log = (): string => patient.log().slice(before);
  await until(() => log().includes('"call":"detachDeviceByAlias"'), 'the guest to be asked', {
    ...patience,
    hint: log,
  });
  return { answer };
}

/** Waits until no VM uses the disk. */
export const isFree = (uuid: string, by: Service): Promise<unknown> =>
  until(async () => (await usersOf(by, uuid)) === '0', `disk ${uuid} to be free`, {
    ...patience,
    hint: () => by.log().slice(-1500),
  });

/** The check that every test ends with: the disks can be deleted, and nothing is left in pools and domains. */
export async function endsWell(t: ExecutionContext, by: Service, ...uuids: string[]): Promise<void> {
  for (const uuid of uuids) {
    const reply = await by.call('DELETE', `/api/disks/${uuid}`);
    t.is(reply.status, 200, reply.text);
  }
  await nothingIsLeft(t, patient, libvirtd);
  t.deepEqual(await leftOver({ pool: join(small.mounted, 'pool') }), []);
  t.deepEqual((await hasty.call('GET', '/api/disks')).body, []);
}

/** The message of an error. */
export const messageOf = (reply: Reply): string => (reply.body as { message: string[] }).message.join();
