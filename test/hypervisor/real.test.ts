import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { Vm } from '../../machines/vm.ts';
import { createHypervisor } from '../../src/hypervisor/create.ts';
import { serialOf } from '../../src/hypervisor/disk-xml.ts';
import type {
  DiskSpec,
  Hypervisor,
  Look,
  PlugOutcome,
  UnplugOutcome,
} from '../../src/hypervisor/hypervisor.ts';
import { openFilePool } from '../../src/storage/file.ts';
import type { Pool } from '../../src/storage/pool.ts';
import { bootGuest, type Guest } from '../../testkit/guest.ts';
import { beforeLibvirtTests, libvirtTest } from '../../testkit/libvirt-test.ts';
import { type Libvirtd, startLibvirtd } from '../../testkit/libvirtd.ts';
import { leftOver } from '../../testkit/nothing-left.ts';
import { until } from '../../testkit/until.ts';
import { ANYWHERE, farOff, inMs, near, never, watcher } from './support/fake-node.ts';

const UNPLUGGED = { kind: 'unplugged' } as const;
const STOPPED = { kind: 'stopped', settled: true } as const;

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
    times: { connectMs: 60_000, lastLookMs: 60_000, settlingMs: 1000 },
  });
  hypervisor.watch(
    watcher({
      running: (_, { uuid }) => news.push(`running ${uuid}`),
      left: (_, { uuid }, seen) => news.push(`${seen} ${uuid}`),
      ended: (_, { uuid }, how, watched) =>
        news.push(`${how}${watched === null ? ' unwatched' : ''} ${uuid}`),
      deviceRemoved: (_, { uuid }, alias) => news.push(`removed ${alias} ${uuid}`),
    }),
  );
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
  await pool.create(disk, 1, never());
  return { disk, source: pool.source(disk), target, shareable };
}

const plug = (vm: Vm, spec: DiskSpec): Promise<PlugOutcome> => hypervisor.plug(vm, spec, farOff(), never());
const unplug = (vm: Vm, spec: DiskSpec, deadline = farOff()): Promise<UnplugOutcome> =>
  hypervisor.unplug(vm, spec.disk, { ...ANYWHERE, source: spec.source.path }, deadline, never());
const look = (vm: Vm): Promise<Look> => hypervisor.look(vm.node, vm.domain ?? '', farOff());
const OFF = 'it does not run';
/** The disks in the live domain. */
async function disksOf(vm: Vm): Promise<string[] | typeof OFF> {
  const seen = await look(vm);
  return seen.kind === 'running' ? seen.disks.map(({ disk }) => disk) : OFF;
}
/** The outcome of a plug into the VM's current run. */
async function pluggedInto(vm: Vm): Promise<PlugOutcome> {
  const seen = await look(vm);
  if (seen.kind !== 'running') throw new Error(`the VM is ${seen.kind}`);
  return { kind: 'plugged', run: seen.run };
}
/** Whether the guest has the disk now; it sees 20 characters of the serial. */
const has = async (guest: Guest, { disk }: DiskSpec): Promise<boolean> =>
  (await guest.run(`grep -l ${serialOf(disk).slice(0, 20)} /sys/block/*/serial`)).status === 0;

libvirtTest('when plug and unplug resolve, the guest has the disk or has it no more', async t => {
  const vm = await vmOf('1');
  t.is(vm.domain, a.uuid);
  const spec = await newDisk('vdc');
  t.deepEqual(await plug(vm, spec), await pluggedInto(vm));
  t.deepEqual(await plug(vm, spec), await pluggedInto(vm), 'again');
  await a.waitFor(new RegExp(`^DISK-UP .*serial=${serialOf(spec.disk).slice(0, 20)} sectors=2097152`, 'm'));
  t.deepEqual((await hypervisor.resolve('n', '1', farOff())).targets, ['vdc']);
  t.deepEqual(await disksOf(vm), [spec.disk]);

  t.deepEqual(await unplug(vm, spec), UNPLUGGED);
  t.false(await has(a, spec));
  t.deepEqual(await unplug(vm, spec), UNPLUGGED, 'again');
  t.deepEqual(await leftOver({ libvirtds: [libvirtd] }), []);
});

libvirtTest(
  'a taken target, a locked image, a lack of slots and a missing image are refused with their own codes',
  async t => {
    const [vmA, vmB] = [await vmOf('1'), await vmOf('b')];
    const [first, second] = [await newDisk('vda'), await newDisk('vdb')];
    t.deepEqual(await plug(vmA, first), await pluggedInto(vmA));
    t.like(await plug(vmA, { ...second, target: 'vda' }), { kind: 'refused', code: 'TARGET_TAKEN' });
    t.like(await plug(vmB, first), { kind: 'refused', code: 'IMAGE_LOCKED' });
    t.deepEqual(await plug(vmA, second), await pluggedInto(vmA));
    t.like(await plug(vmA, await newDisk('vdc')), { kind: 'refused', code: 'NO_PCI_SLOT' });
    const missing = await newDisk('vdc');
    await rm(missing.source.path);
    t.like(await plug(vmB, missing), { kind: 'refused', code: 'PLUG_REFUSED' });
    t.deepEqual(await Promise.all([unplug(vmA, first), unplug(vmA, second)]), [UNPLUGGED, UNPLUGGED]);
    t.deepEqual(await leftOver({ libvirtds: [libvirtd] }), []);
  },
);

libvirtTest('two guests can have one disk only if both have it as shareable', async t => {
  const [vmA, vmB] = [await vmOf('1'), await vmOf('b')];
  const spec = await newDisk('vda', true);
  t.deepEqual(await plug(vmA, spec), await pluggedInto(vmA));
  t.like(await plug(vmB, { ...spec, shareable: false }), { kind: 'refused', code: 'IMAGE_LOCKED' });
  t.deepEqual(await plug(vmB, spec), await pluggedInto(vmB));
  t.deepEqual(await Promise.all([unplug(vmA, spec), unplug(vmB, spec)]), [UNPLUGGED, UNPLUGGED]);
});

libvirtTest('unplug undoes a plug that libvirt executes after its deadline', async t => {
  const vm = await vmOf('1');
  const spec = await newDisk('vda');
  await a.signal('STOP');
  t.teardown(() => a.signal('CONT'));
  t.is((await hypervisor.plug(vm, spec, near(), never())).kind, 'unknown');
  const unplugging = unplug(vm, spec);
  await a.signal('CONT');
  t.deepEqual(await unplugging, UNPLUGGED);
  t.true(news.includes(`removed ua-${spec.disk} ${a.uuid}`), 'it had been plugged');
  t.deepEqual(await disksOf(vm), []);
});

libvirtTest(
  'an unplug from a paused guest survives the death of libvirtd and ends when the guest resumes',
  async t => {
    const vm = await vmOf('1');
    const spec = await newDisk('vda');
    t.deepEqual(await plug(vm, spec), await pluggedInto(vm));
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

libvirtTest('a saved VM keeps its disk, is restored with it, and releases it then', async t => {
  const vm = await vmOf('1');
  const spec = await newDisk('vda');
  t.deepEqual(await plug(vm, spec), await pluggedInto(vm));
  await libvirtd.virsh('managedsave', a.name);
  await until(() => news.includes(`saved ${a.uuid}`), 'the news');
  t.deepEqual(await look(vm), { kind: 'saved' });
  t.deepEqual(await unplug(vm, spec), STOPPED);
  t.is(await disksOf(vm), OFF);
  await libvirtd.virsh('start', a.name);
  t.deepEqual(await disksOf(vm), [spec.disk]);
  t.deepEqual(await unplug(vm, spec), UNPLUGGED);
});

libvirtTest('an event and a look both show how a VM ended', async t => {
  const vm = await vmOf('1');
  const spec = await newDisk('vda');
  t.deepEqual(await plug(vm, spec), await pluggedInto(vm));
  const before = await look(vm);
  await libvirtd.virsh('destroy', a.name);
  await until(() => news.includes(`destroyed ${a.uuid}`), 'the news');
  const list = await hypervisor.listDomains(vm.node, farOff());
  t.deepEqual(await look(vm), { kind: 'off', how: 'destroyed', defined: [], host: list.hostUuid });
  t.like(
    list.domains.find(({ uuid }) => uuid === a.uuid),
    { id: -1, active: false, saved: false },
  );
  news.length = 0;
  await libvirtd.virsh('start', a.name);
  await until(() => news.includes(`running ${a.uuid}`), 'the news');
  t.deepEqual(await disksOf(vm), [], 'the disk was plugged into the live domain only');
  t.notDeepEqual(await look(vm), before);
  const again = await look(vm);
  t.not(again.kind === 'running' && again.run.id, before.kind === 'running' && before.run.id, 'another run');
});

libvirtTest('a disk with an overlay is found by its alias, and is not unplugged', async t => {
  const vm = await vmOf('1');
  const spec = await newDisk('vda');
  t.deepEqual(await plug(vm, spec), await pluggedInto(vm));
  const overlay = join(libvirtd.dir, 'pool', 'overlay.qcow2');
  const snapshot = ['--disk-only', '--no-metadata', '--diskspec', `vda,snapshot=external,file=${overlay}`];
  await libvirtd.virsh('snapshot-create-as', a.name, 'one', ...snapshot);
  const seen = await look(vm);
  t.like(seen.kind === 'running' ? seen.disks[0] : undefined, {
    disk: spec.disk,
    by: 'alias',
    source: overlay,
  });
  t.deepEqual(await unplug(vm, spec), { kind: 'failed', code: 'DISK_DIVERTED', detail: overlay });
  await libvirtd.virsh('blockcommit', a.name, 'vda', '--active', '--pivot', '--wait');
  t.deepEqual(await unplug(vm, spec), UNPLUGGED);
  await rm(overlay);
});

libvirtTest('during a block copy an unplug fails with BLOCK_JOB', async t => {
  const vm = await vmOf('1');
  const spec = await newDisk('vda');
  t.deepEqual(await plug(vm, spec), await pluggedInto(vm));
  const copy = join(libvirtd.dir, 'pool', 'copy.raw');
  await libvirtd.virsh('blockcopy', a.name, 'vda', copy, '--transient-job', '--format', 'raw');
  t.like(await unplug(vm, spec), { kind: 'failed', code: 'BLOCK_JOB' });
  await libvirtd.virsh('blockjob', a.name, 'vda', '--abort');
  t.deepEqual(await unplug(vm, spec), UNPLUGGED);
  await rm(copy, { force: true });
});

libvirtTest(
  'an unwilling guest releases the disk at its reset, with an event; a destroyed one has no disk',
  async t => {
    const vm = await vmOf('b');
    const spec = await newDisk('vda');
    t.deepEqual(await plug(vm, spec), await pluggedInto(vm));
    t.is((await b.run('unwilling')).status, 0);
    const kept = await unplug(vm, spec, inMs(12_000));
    t.is(kept.kind, 'kept', JSON.stringify(kept));
    t.true(await has(b, spec));
    await libvirtd.virsh('reset', b.name);
    await until(() => news.includes(`removed ua-${spec.disk} ${b.uuid}`), 'the news', { timeoutMs: 60_000 });
    t.deepEqual(await disksOf(vm), []);

    t.deepEqual(await plug(vm, spec), await pluggedInto(vm));
    await b.destroy();
    await until(() => news.includes(`destroyed ${b.uuid}`), 'the news');
    t.deepEqual(await look(vm), { kind: 'absent' });
    t.deepEqual(await unplug(vm, spec), STOPPED);
    t.is(await disksOf(vm), OFF);
    t.deepEqual(await leftOver({ libvirtds: [libvirtd] }), []);
  },
);
