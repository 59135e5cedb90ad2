// Two real hosts and two services that know them: VMs migrate between the hosts with a disk plugged, while
// rival VMs on both hosts ask for the disk.
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { bootGuest, type Guest } from '../../../testkit/guest.ts';
import { beforeLibvirtTests } from '../../../testkit/libvirt-test.ts';
import { type Libvirtd, startLibvirtd } from '../../../testkit/libvirtd.ts';
import { holds } from '../../../testkit/migration.ts';
import { leftOver } from '../../../testkit/nothing-left.ts';
import { type Service, startService } from '../../../testkit/service.ts';
import { until } from '../../../testkit/until.ts';
import { on, usersOf } from './disks.ts';

const HOSTS = ['host-1', 'host-2'] as const;
type Host = (typeof HOSTS)[number];

let folder: string;
let libvirtds: Record<Host, Libvirtd>;
/** One service has its nodes configured by name, the other by the wildcard `*`. */
export let services: Record<'named' | 'wildcard', Service>;

/**
 * Starts hosts and services before the tests of a file, which must run one after the other, and ends them
 * afterwards.
 */
export function useTwoHosts(more: Readonly<Record<string, unknown>> = {}): void {
  beforeLibvirtTests(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pdisk-hosts-'));
    const [first, second] = await Promise.all(HOSTS.map(host => startLibvirtd({ host })));
    if (!first || !second) throw new Error('no hosts');
    libvirtds = { 'host-1': first, 'host-2': second };
    const nodes: Record<string, string> = {};
    for (const host of HOSTS) {
      nodes[host] = libvirtds[host].uri;
      await symlink(libvirtds[host].socket, join(folder, host));
      await bootGuest(libvirtds[host], { name: `rival-${host}` });
    }
    const settings = { reconcile_interval: 5, attach_timeout: 20, detach_timeout: 20, ...more };
    services = {
      named: await startService({ ...settings, nodes }),
      wildcard: await startService({
        ...settings,
        nodes: { '*': `qemu:///system?socket=${folder}/{node}` },
      }),
    };
  });

  test.after.always(async () => {
    await Promise.all(Object.values(services ?? {}).map(service => service.remove()));
    await Promise.all(Object.values(libvirtds ?? {}).map(libvirtd => libvirtd.stop()));
    if (folder) await rm(folder, { recursive: true });
  });

  test.afterEach.always(t => {
    if (!t.passed) for (const service of Object.values(services ?? {})) t.log(service.log().slice(-2000));
  });
}

const HAS_IT = ['hot-attached', 'detaching'];

/** The hosts where the service says that the VM has the disk. */
async function saidPlaces(service: Service, vm: string, disk: string): Promise<Host[]> {
  const places = await Promise.all(
    HOSTS.map(async host => {
      const { body } = await service.call('GET', `/api/vms/${host}/${vm}`);
      const { disks } = body as { disks: { disk: string; state: string; away: boolean }[] };
      return disks.some(one => one.disk === disk && HAS_IT.includes(one.state) && !one.away) ? [host] : [];
    }),
  );
  return places.flat();
}

/** The hosts where a live domain of the VM shows the disk. */
export async function realPlaces(vm: string, disk: string): Promise<Host[]> {
  const places = await Promise.all(
    HOSTS.map(async host => ((await holds(libvirtds[host], vm, disk)) ? [host] : [])),
  );
  return places.flat();
}

/** Waits until the service says what the hosts show, and that the VM has the disk at `expected`. */
export async function untilItIsAt(
  t: ExecutionContext,
  service: Service,
  vm: string,
  disk: string,
  expected: Host[],
) {
  t.deepEqual(await realPlaces(vm, disk), expected);
  let said: Host[] = [];
  await until(
    async () => {
      said = await saidPlaces(service, vm, disk);
      return said.join() === expected.join();
    },
    `the service to say that ${vm} has the disk at ${expected.join() || 'no host'}`,
    { timeoutMs: 60_000, hint: () => `It says ${said.join() || 'nowhere'}.\n${service.log().slice(-1500)}` },
  );
}

/**
 * Has both rival VMs ask for the disk again and again until the returned function is called. Each request
 * must be refused because the disk is in use, or because nobody can know: never by QEMU's lock on the image,
 * which would mean that the service had given the disk away.
 */
export function startRivals(t: ExecutionContext, service: Service, disk: string): () => Promise<void> {
  let go = true;
  async function attempt(host: Host): Promise<string | undefined> {
    const reply = await service.call('POST', `/api/hotattach/${disk}`, on(`rival-${host}`, host));
    const isInUse = reply.status === 400 && reply.headers.get('x-error-code') !== 'IMAGE_LOCKED';
    if (reply.status !== 503 && !isInUse) return `rival on ${host}: ${reply.status} ${reply.text}`;
    const users = await usersOf(service, disk);
    return users === '1' ? undefined : `${users} users`;
  }
  async function askInTurns(): Promise<string | undefined> {
    for (let round = 0; go || round === 0; round += 1) {
      for (const host of HOSTS) {
        const violation = await attempt(host);
        if (violation !== undefined) return violation;
      }
    }
    return undefined;
  }
  const asking = askInTurns();
  t.teardown(() => {
    go = false;
  });
  return async () => {
    go = false;
    t.is(await asking, undefined);
  };
}

/** A guest with a disk plugged, on the way between two hosts. */
export interface Scene {
  readonly service: Service;
  readonly vm: string;
  readonly disk: string;
  readonly guest: Guest;
  readonly from: Libvirtd;
  readonly to: Libvirtd;
}

/** A VM on the first host with a disk plugged. */
export async function scene(t: ExecutionContext, service: Service, vm: string): Promise<Scene> {
  const [from, to] = [libvirtds['host-1'], libvirtds['host-2']];
  const disk = await service.create();
  t.teardown(async () => {
    for (const host of HOSTS) {
      await libvirtds[host].virsh('destroy', vm).catch(() => undefined);
      await libvirtds[host].virsh('undefine', vm).catch(() => undefined);
    }
  });
  const guest = await bootGuest(from, { name: vm, persistent: true });
  const plugged = await service.call('POST', `/api/hotattach/${disk}`, on(vm, 'host-1'));
  t.is(plugged.status, 200, plugged.text);
  await untilItIsAt(t, service, vm, disk, ['host-1']);
  return { service, vm, disk, guest, from, to };
}

/** Ends the VM wherever it is, and waits until the disk is free and nothing is left. */
export async function endScene(t: ExecutionContext, { service, vm, disk }: Scene): Promise<void> {
  for (const host of HOSTS) await libvirtds[host].virsh('destroy', vm).catch(() => undefined);
  await until(async () => (await usersOf(service, disk)) === '0', 'the disk to be free', {
    timeoutMs: 60_000,
    hint: () => service.log().slice(-1500),
  });
  for (const host of HOSTS) {
    const rival = on(`rival-${host}`, host);
    const next = await service.call('POST', `/api/hotattach/${disk}`, rival);
    t.is(next.status, 200, next.text);
    t.is((await service.call('POST', `/api/hotdetach/${disk}`, rival)).status, 200);
  }
  t.is((await service.call('DELETE', `/api/disks/${disk}`)).status, 200);
  const left = await leftOver({ pool: service.pool, libvirtds: Object.values(libvirtds) });
  t.deepEqual(
    left.filter(line => line.includes(disk)),
    [],
  );
}

let vms = 0;
/** A VM name that no other test uses. */
export function newName(): string {
  vms += 1;
  return `one-${vms}`;
}
