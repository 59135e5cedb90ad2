// The connection of the simulation, compared with a socket: the same scenes over both, with the same
// outcomes.
import test, { type ExecutionContext } from 'ava';
import { createHypervisor } from '../../src/hypervisor/create.ts';
import type { Hypervisor } from '../../src/hypervisor/hypervisor.ts';
import type { HostControl } from '../disks/support/hosts.ts';
import { ANYWHERE, diskSpec, fakeNode, inMs, never } from '../hypervisor/support/fake-node.ts';
import { createChance } from './chance.ts';
import { createHost } from './host.ts';

const DISK = '11111111-2222-4333-8444-555555555555';
const VM = '99999999-2222-4333-8444-555555555555';
const FAR_MS = 600_000;
/** Only for what is meant to fail by its deadline. */
const NEAR_MS = 4000;

interface Stage {
  readonly hypervisor: Hypervisor;
  readonly host: HostControl;
}

/** What is done, and what is to be compared: no ids of hosts and no times. */
const scenes: Readonly<Record<string, (stage: Stage) => Promise<unknown>>> = {
  'a disk is plugged, seen and unplugged': async ({ hypervisor, host }) => {
    host.addDomain({ name: 'one-1', uuid: VM });
    const { vm, targets } = await hypervisor.resolve('n', '1', inMs(FAR_MS));
    const plugged = await hypervisor.plug(vm, diskSpec({ disk: DISK }), inMs(FAR_MS), never());
    const look = await hypervisor.look(vm.node, VM, inMs(FAR_MS));
    const grown = await hypervisor.resize(vm, DISK, 2 ** 31, inMs(FAR_MS), never());
    const unplugged = await hypervisor.unplug(vm, DISK, ANYWHERE, inMs(FAR_MS), never());
    const after = await hypervisor.look(vm.node, VM, inMs(FAR_MS));
    return [targets, plugged.kind, look, grown, unplugged, after];
  },
  'a VM that does not run is told from one that does not exist': async ({ hypervisor, host }) => {
    host.addDomain({ name: 'one-1', uuid: VM, running: false });
    const codes = ['1', '2'].map(id =>
      hypervisor.resolve('n', id, inMs(FAR_MS)).catch(error => error.code as string),
    );
    const { domains } = await hypervisor.listDomains(hypervisor.nodeKey('n'), inMs(FAR_MS));
    return [await Promise.all(codes), domains];
  },
  'a second disk at a taken target is refused': async ({ hypervisor, host }) => {
    host.addDomain({ name: 'one-1', uuid: VM });
    const { vm } = await hypervisor.resolve('n', '1', inMs(FAR_MS));
    await hypervisor.plug(vm, diskSpec({ disk: VM }), inMs(FAR_MS), never());
    return hypervisor.plug(vm, diskSpec({ disk: DISK }), inMs(FAR_MS), never());
  },
  'a plug that waits for a job is unknown, and takes effect later': async ({ hypervisor, host }) => {
    host.addDomain({ name: 'one-1', uuid: VM });
    const { vm } = await hypervisor.resolve('n', '1', inMs(FAR_MS));
    const release = host.hold('one-1');
    const { kind } = await hypervisor.plug(vm, diskSpec({ disk: DISK }), inMs(NEAR_MS), never());
    release();
    const unplugged = await hypervisor.unplug(vm, DISK, ANYWHERE, inMs(FAR_MS), never());
    return [kind, unplugged];
  },
  'saved, restored and killed VMs look as they are': async ({ hypervisor, host }) => {
    host.addDomain({ name: 'one-1', uuid: VM });
    const { vm } = await hypervisor.resolve('n', '1', inMs(FAR_MS));
    await hypervisor.plug(vm, diskSpec({ disk: DISK }), inMs(FAR_MS), never());
    const looks: unknown[] = [];
    for (const act of ['save', 'start', 'kill'] as const) {
      host[act]('one-1');
      looks.push(await hypervisor.look(vm.node, VM, inMs(FAR_MS)));
    }
    return looks;
  },
};

/** A result without the UUID of the host, which differs. */
const plain = (result: unknown, hostUuid: string): unknown =>
  JSON.parse(JSON.stringify(result).replaceAll(hostUuid, 'HOST'));

async function simulated(t: ExecutionContext): Promise<Stage & { hostUuid: string }> {
  const hostUuid = '00000000-0000-4000-8000-000000000001';
  const chance = createChance(1, { slowness: 0, losses: 0, poolFailures: 0 });
  const host = createHost('n', hostUuid, { chance, newUuid: () => VM, resized: () => {} });
  const hypervisor = createHypervisor({
    nodes: new Map([['n', 'qemu+tcp://n/system']]),
    vmNames: ['{vm_id}', 'one-{vm_id}'],
    log: { info() {}, warn() {} },
    open: (_uri, options = {}) => host.open(options),
  });
  t.teardown(() => hypervisor.close());
  return { hypervisor, host, hostUuid };
}

for (const [title, scene] of Object.entries(scenes)) {
  test(`without a socket as over one: ${title}`, async t => {
    const one = await simulated(t);
    const { hypervisor, fake } = await fakeNode(t);
    const expected = plain(await scene({ hypervisor, host: fake }), fake.hostUuid);
    const found = plain(await scene(one), one.hostUuid);
    const key = hypervisor.nodeKey('n');
    t.deepEqual(JSON.parse(JSON.stringify(found).replaceAll('qemu+tcp://n/system', key)), expected);
  });
}
