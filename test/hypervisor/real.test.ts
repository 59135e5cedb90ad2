import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { Vm } from '../../machines/vm.ts';
import { createHypervisor } from '../../src/hypervisor/create.ts';
import { serialOf } from '../../src/hypervisor/disk-xml.ts';
import type { DiskSpec, Hypervisor, PlugOutcome, UnplugOutcome } from '../../src/hypervisor/hypervisor.ts';
import { openFilePool } from '../../src/storage/file.ts';
import type { Pool } from '../../src/storage/pool.ts';
import { bootGuest, type Guest } from '../rig/guest.ts';
import { beforeLibvirtTests, libvirtTest } from '../rig/libvirt-test.ts';
import { type Libvirtd, startLibvirtd } from '../rig/libvirtd.ts';
import { leftOver } from '../rig/nothing-left.ts';
import { until } from '../rig/until.ts';
import { farOff, inMs, near, never } from './helpers/fake-node.ts';

const PLUGGED = { kind: 'plugged' } as const;
const UNPLUGGED = { kind: 'unplugged' } as const;

let libvirtd: Libvirtd;
let pool: Pool;
let hypervisor: Hypervisor;
let a: Guest;
let b: Guest;
const news: string[] = [];

beforeLibvirtTests(async () => {
  libvirtd = await startLibvirtd();
  pool = await openFilePool({ directory: join(libvirtd.dir, 'pool'), overcommit: 1, owner: 'tests' });
  hypervisor = createHypervisor({
    nodes: new Map([['n', libvirtd.uri]]),
    vmNames: ['{vm_id}', 'one-{vm_id}'],
    log: { info() {}, warn() {} },
    times: { connectMs: 60_000, lastLookMs: 60_000, surveysApartMs: 1000 },
  });
  hypervisor.watch({
    up() {},
    stopped: (_, domain, kind) => news.push(`${kind} ${domain}`),
    deviceRemoved: (_, domain, alias) => news.push(`removed ${alias} ${domain}`),
    deviceAdded() {},
    started() {},
  });
  [a, b] = await Promise.all([
    bootGuest(libvirtd, { name: 'one-1', ports: 2, persistent: true }),
    bootGuest(libvirtd, { name: 'b', ports: 2 }),
  ]);
});

test.after.always(async () => {
  await hypervisor?.close();
  await libvirtd?.stop();
});

const vmOf = async (id: string): Promise<Vm> => (await hypervisor.resolve('n', id, farOff())).vm;

async function newDisk(target: string, shareable = false): Promise<DiskSpec> {
  const disk = randomUUID();
  await pool.make(disk, 1, never());
  return { disk, source: pool.source(disk), target, shareable };
}

const plug = (vm: Vm, spec: DiskSpec): Promise<PlugOutcome> => hypervisor.plug(vm, spec, farOff(), never());
const unplug = (vm: Vm, spec: DiskSpec, deadline = farOff()): Promise<UnplugOutcome> =>
  hypervisor.unplug(vm, spec.disk, deadline, never());
/** Whether the guest has the disk now; it sees 20 characters of a serial. */
const has = async (guest: Guest, { disk }: DiskSpec): Promise<boolean> =>
  (await guest.run(`grep -l ${serialOf(disk).slice(0, 20)} /sys/block/*/serial`)).status === 0;

/** The process of a guest of this libvirtd; other test runs may have guests of the same name. */
async function qemuOf(guest: Guest): Promise<number> {
  for (const entry of await readdir('/proc')) {
    const command = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
    const ours = command.includes(`guest=${guest.name},`) && command.includes(libvirtd.dir);
    if (ours && command.startsWith('/usr/bin/qemu')) return Number(entry);
  }
  throw new Error(`guest ${guest.name} has no process`);
}

libvirtTest(
  'a plugged disk is there for the guest, an unplugged one is gone, each as soon as we say so',
  async t => {
    const vm = await vmOf('1');
    t.is(vm.domain, a.uuid);
    const spec = await newDisk('vdc');
    t.deepEqual(await plug(vm, spec), PLUGGED);
    t.deepEqual(await plug(vm, spec), PLUGGED, 'again');
    await a.waitFor(new RegExp(`^DISK-UP .*serial=${serialOf(spec.disk).slice(0, 20)} sectors=2097152`, 'm'));
    t.deepEqual((await hypervisor.resolve('n', '1', farOff())).targets, ['vdc']);
    t.deepEqual(await hypervisor.liveDisks(vm, farOff()), [spec.disk]);

    t.deepEqual(await unplug(vm, spec), UNPLUGGED);
    t.false(await has(a, spec));
    t.deepEqual(await unplug(vm, spec), UNPLUGGED, 'again');
    t.deepEqual(await leftOver({ libvirtds: [libvirtd] }), []);
  },
);

libvirtTest(
  'a taken target, a stranger’s lock, a full machine, a missing image: each by its name',
  async t => {
    const [vmA, vmB] = [await vmOf('1'), await vmOf('b')];
    const [first, second] = [await newDisk('vda'), await newDisk('vdb')];
    t.deepEqual(await plug(vmA, first), PLUGGED);
    t.like(await plug(vmA, { ...second, target: 'vda' }), { kind: 'refused', code: 'TARGET_TAKEN' });
    t.like(await plug(vmB, first), { kind: 'refused', code: 'IMAGE_LOCKED' });
    t.deepEqual(await plug(vmA, second), PLUGGED);
    t.like(await plug(vmA, await newDisk('vdc')), { kind: 'refused', code: 'NO_PCI_SLOT' });
    const missing = await newDisk('vdc');
    await rm(missing.source.path);
    t.like(await plug(vmB, missing), { kind: 'refused', code: 'PLUG_REFUSED' });
    t.deepEqual(await Promise.all([unplug(vmA, first), unplug(vmA, second)]), [UNPLUGGED, UNPLUGGED]);
    t.deepEqual(await leftOver({ libvirtds: [libvirtd] }), []);
  },
);

libvirtTest('two guests have one disk only if both share it', async t => {
  const [vmA, vmB] = [await vmOf('1'), await vmOf('b')];
  const spec = await newDisk('vda', true);
  t.deepEqual(await plug(vmA, spec), PLUGGED);
  t.like(await plug(vmB, { ...spec, shareable: false }), { kind: 'refused', code: 'IMAGE_LOCKED' });
  t.deepEqual(await plug(vmB, spec), PLUGGED);
  t.deepEqual(await Promise.all([unplug(vmA, spec), unplug(vmB, spec)]), [UNPLUGGED, UNPLUGGED]);
});

libvirtTest(
  'a plug whose answer never came is undone, although it takes place after we gave it up',
  async t => {
    const vm = await vmOf('1');
    const spec = await newDisk('vda');
    const qemu = await qemuOf(a);
    process.kill(qemu, 'SIGSTOP');
    t.teardown(() => process.kill(qemu, 'SIGCONT'));
    t.is((await hypervisor.plug(vm, spec, near(), never())).kind, 'unknown');
    const unplugging = unplug(vm, spec);
    process.kill(qemu, 'SIGCONT');
    t.deepEqual(await unplugging, UNPLUGGED);
    t.true(news.includes(`removed ua-${spec.disk} ${a.uuid}`), 'it had been plugged');
    t.deepEqual(await hypervisor.liveDisks(vm, farOff()), []);
  },
);

libvirtTest(
  'libvirtd killed in the middle of an unplug from a paused guest: it ends when the guest goes on',
  async t => {
    const vm = await vmOf('1');
    const spec = await newDisk('vda');
    t.deepEqual(await plug(vm, spec), PLUGGED);
    await libvirtd.virsh('suspend', a.name);
    const kept = await unplug(vm, spec, near());
    t.regex(kept.kind === 'kept' ? kept.detail : kept.kind, /paused/);
    const unplugging = unplug(vm, spec);
    await libvirtd.restart('KILL');
    await libvirtd.virsh('resume', a.name);
    t.deepEqual(await unplugging, UNPLUGGED);
    t.false(await has(a, spec));
  },
);

libvirtTest('a saved machine keeps its disk, has it when it is back, and lets go then', async t => {
  const vm = await vmOf('1');
  const spec = await newDisk('vda');
  t.deepEqual(await plug(vm, spec), PLUGGED);
  await libvirtd.virsh('managedsave', a.name);
  await until(() => news.includes(`saved ${a.uuid}`), 'the news');
  t.is(await hypervisor.fate(vm, farOff()), 'saved');
  t.like(await unplug(vm, spec), { kind: 'failed', code: 'UNPLUG_UNKNOWN' });
  t.is(await hypervisor.liveDisks(vm, farOff()), undefined);
  await libvirtd.virsh('start', a.name);
  t.deepEqual(await hypervisor.liveDisks(vm, farOff()), [spec.disk]);
  t.deepEqual(await unplug(vm, spec), UNPLUGGED);
});

libvirtTest(
  'an unwilling guest keeps the disk until it is reset, which is told; a dead one has none',
  async t => {
    const vm = await vmOf('b');
    const spec = await newDisk('vda');
    t.deepEqual(await plug(vm, spec), PLUGGED);
    t.is((await b.run('unwilling')).status, 0);
    const kept = await unplug(vm, spec, inMs(12_000));
    t.is(kept.kind, 'kept', JSON.stringify(kept));
    t.true(await has(b, spec));
    await libvirtd.virsh('reset', b.name);
    await until(() => news.includes(`removed ua-${spec.disk} ${b.uuid}`), 'the news', { timeoutMs: 60_000 });
    t.deepEqual(await hypervisor.liveDisks(vm, farOff()), []);

    t.deepEqual(await plug(vm, spec), PLUGGED);
    await b.destroy();
    await until(() => news.includes(`dead ${b.uuid}`), 'the news');
    t.is(await hypervisor.fate(vm, farOff()), 'dead');
    t.deepEqual(await unplug(vm, spec), UNPLUGGED);
    t.is(await hypervisor.liveDisks(vm, farOff()), undefined);
    t.deepEqual(await leftOver({ libvirtds: [libvirtd] }), []);
  },
);
