// Things that may happen to VMs and hosts. Each function describes what it did, or returns undefined where
// that was impossible.
import { STATE_RUNNING } from '../../../src/libvirt/constants.ts';
import type { MigrationFailure, Phase } from '../../../testkit/fakes/libvirtd/migration.ts';
import { type Hosts, NODES, type NodeName, type Vm } from './hosts.ts';
import type { Random } from './random.ts';

type Mishap = () => string | undefined | Promise<string | undefined>;

const PHASES: readonly Phase[] = ['copying', 'switching', 'landed', 'over'];
const ALWAYS: readonly MigrationFailure[] = ['source-killed'];
const WHILE_BOTH_ANSWER: readonly MigrationFailure[] = [
  'aborted',
  'client-killed',
  'incoming-destroyed',
  'network-cut',
  'source-destroyed',
  'destination-stalled',
];

const otherThan = (node: NodeName): NodeName => (node === 'n1' ? 'n2' : 'n1');

/** Defines a running VM anew from its live XML, hot-plugged disks included. */
export function redefineOne({ hosts, vms, there, liveOn }: Hosts, random: Random): string | undefined {
  const vm = random.pick(vms.filter(one => !one.migration && liveOn(one).length === 1));
  const [node] = vm ? liveOn(vm) : [];
  // A VM without a definition would get one, and no longer be transient.
  if (!vm || !node || hosts[node].is === 'dead' || !there(node, vm)?.persistent) return undefined;
  hosts[node].fake.redefine(vm.name);
  return `${vm.name} is defined anew on ${node}`;
}

/** All mishaps; one that is listed several times is more probable. */
export function createMishaps(world: Hosts, random: Random): readonly Mishap[] {
  const { hosts, vms, holds, there, liveOn, savedOn } = world;
  const fakeOf = (node: NodeName) => hosts[node].fake;
  const hasDaemon = (node: NodeName): boolean => hosts[node].is !== 'dead';

  /** A random running VM that is not migrating, and its node. */
  function running(): { vm: Vm; node: NodeName } | undefined {
    const vm = random.pick(vms.filter(one => !one.migration && liveOn(one).length === 1));
    const node = vm && liveOn(vm)[0];
    return vm && node ? { vm, node } : undefined;
  }

  /** Starts a VM that runs nowhere; a file that it was saved to is discarded. */
  function start(vm: Vm): string | undefined {
    const saved = savedOn(vm);
    const node = saved ?? random.pick(NODES);
    if (!node || !hasDaemon(node)) return undefined;
    vm.file = undefined;
    startOn(node, vm);
    return `${vm.name} starts on ${node}`;
  }

  function startOn(node: NodeName, vm: Vm): void {
    const { name, uuid, persistent } = vm;
    if (there(node, vm)) fakeOf(node).start(name);
    else fakeOf(node).addDomain({ name, uuid, persistent });
  }

  function stop(): string | undefined {
    const found = running();
    if (!found) return undefined;
    const { vm, node } = found;
    const how = random.pick(['destroy', 'poweroff', 'kill'] as const) ?? 'kill';
    if (how === 'destroy' && !hasDaemon(node)) return undefined;
    fakeOf(node)[how](vm.name);
    return `${how} ${vm.name} on ${node}`;
  }

  function startOne(): string | undefined {
    const vm = random.pick(vms.filter(one => !one.migration && liveOn(one).length === 0));
    return vm && start(vm);
  }

  function resetHard(): string | undefined {
    const found = running();
    if (!found || !hasDaemon(found.node)) return undefined;
    const { vm, node } = found;
    fakeOf(node).destroy(vm.name);
    startOn(node, vm);
    return `${vm.name} is reset hard on ${node}`;
  }

  function suspendOrResume(): string | undefined {
    const found = running();
    if (!found || !hasDaemon(found.node)) return undefined;
    const how = there(found.node, found.vm)?.state === 3 ? 'resume' : 'suspend';
    fakeOf(found.node)[how](found.vm.name);
    return `${how} ${found.vm.name}`;
  }

  function save(): string | undefined {
    const found = running();
    if (!found || !hasDaemon(found.node)) return undefined;
    const { vm, node } = found;
    if (there(node, vm)?.persistent && random.chance(0.4)) {
      fakeOf(node).save(vm.name);
      return `managed save of ${vm.name} on ${node}`;
    }
    vm.file = fakeOf(node).saveToFile(vm.name);
    return `${vm.name} is saved to a file on ${node}`;
  }

  function restore(): string | undefined {
    const vm = random.pick(vms.filter(one => one.file && liveOn(one).length === 0));
    const node = random.pick(NODES);
    if (!vm?.file || !node || !hasDaemon(node)) return undefined;
    fakeOf(node).restore(vm.file);
    vm.file = undefined;
    return `${vm.name} is restored on ${node}`;
  }

  function migrate(): string | undefined {
    const found = running();
    if (!found || !NODES.every(hasDaemon)) return undefined;
    const { vm, node } = found;
    if (there(node, vm)?.imagesFree) return undefined;
    // A migration is a job as well: it waits for the job in progress.
    if (holds.some(hold => hold.vm === vm)) return undefined;
    const to = otherThan(node);
    const options = { persistent: random.chance(0.5), undefineSource: random.chance(0.5) };
    const migration = fakeOf(node).migrate(vm.name, fakeOf(to), options);
    vm.migration = { migration, from: node, to };
    return `${vm.name} begins to migrate from ${node} to ${to}`;
  }

  const migrating = (): Vm | undefined => random.pick(vms.filter(({ migration }) => migration));

  function goOn(): string | undefined {
    const vm = migrating();
    if (!vm?.migration) return undefined;
    const { migration } = vm.migration;
    if (vm.stalled) {
      migration.wake();
      [vm.stalled, vm.migration] = [false, undefined];
      return `the destination of ${vm.name} is awake again`;
    }
    if (!NODES.every(hasDaemon)) return undefined;
    const next = PHASES[migration.phase === 'preparing' ? 0 : PHASES.indexOf(migration.phase as Phase) + 1];
    const phase = random.chance(0.4) ? 'over' : (next ?? 'over');
    migration.to(phase);
    if (phase === 'over') vm.migration = undefined;
    return `migration of ${vm.name}: ${phase}`;
  }

  /**
   * A guest ejects a disk, requested or not, also during the copy of a migration. In the switch-over it
   * cannot: it runs nowhere.
   */
  function eject(): string | undefined {
    const vm = random.pick(vms);
    if (!vm || vm.stalled || vm.migration?.migration.phase === 'switching') return undefined;
    const runsAt = vm.migration?.migration.phase === 'landed' ? vm.migration.to : vm.migration?.from;
    const node = runsAt ?? liveOn(vm)[0];
    const domain = node && there(node, vm);
    if (!node || domain?.state !== STATE_RUNNING) return undefined;
    const disk = random.pick(domain.disks);
    if (!disk) return undefined;
    fakeOf(node).release(vm.name, disk.alias);
    return `${vm.name} lets go of ${disk.alias.slice(3, 7)} on ${node}`;
  }

  async function breakOff(): Promise<string | undefined> {
    const vm = migrating();
    if (!vm?.migration || vm.stalled) return undefined;
    const { migration, from, to } = vm.migration;
    const answering = NODES.every(hasDaemon);
    const choices: MigrationFailure[] = answering
      ? [...ALWAYS, ...WHILE_BOTH_ANSWER, 'destination-daemon-killed', 'source-daemon-killed']
      : [...ALWAYS];
    if (migration.phase === 'landed') choices.splice(0, choices.length, 'source-killed');
    // Only an image lock keeps a destination that was stalled past the end from running the VM twice: see
    // partition.test.ts.
    const source = there(from, vm);
    const isLocked = source?.disks.some(disk => !disk.shareable && !source.dropped.has(disk.alias));
    if (!isLocked && choices.includes('destination-stalled')) {
      choices.splice(choices.indexOf('destination-stalled'), 1);
    }
    const how = random.pick(choices) ?? 'source-killed';
    for (const [failure, node] of [
      ['source-daemon-killed', from],
      ['destination-daemon-killed', to],
    ] as const) {
      if (how === failure) await die(node);
    }
    const { phase } = migration;
    migration.fail(how);
    if (how === 'destination-stalled') vm.stalled = true;
    else vm.migration = undefined;
    return `migration of ${vm.name} fails while ${phase}: ${how}`;
  }

  async function die(node: NodeName): Promise<void> {
    hosts[node].is = 'dead';
    await fakeOf(node).stop();
  }

  async function loseHost(): Promise<string | undefined> {
    const node = random.pick(NODES.filter(one => hosts[one].is === 'up'));
    if (!node) return undefined;
    const how = random.pick(['cut', 'dead', 'drop'] as const);
    if (how === 'drop') {
      fakeOf(node).dropConnections();
      return `connections of ${node} drop`;
    }
    // The death of libvirtd in a migration is a way in which migrations fail, and has a mishap of its own.
    if (how === 'dead' && vms.some(({ migration }) => migration)) return undefined;
    if (how === 'dead') {
      await die(node);
    } else {
      hosts[node].is = 'cut';
      await fakeOf(node).cut();
    }
    return `${node} is ${how}`;
  }

  async function findHost(): Promise<string | undefined> {
    const node = random.pick(NODES.filter(one => hosts[one].is !== 'up'));
    if (!node) return undefined;
    await fakeOf(node).listen();
    hosts[node].is = 'up';
    return `${node} is back`;
  }

  function holdOrRelease(): string | undefined {
    const hold = random.chance(0.6) ? holds.pop() : undefined;
    if (hold) {
      hold.release();
      return 'a job ends';
    }
    const found = running();
    if (!found || holds.length > 1) return undefined;
    holds.push({ vm: found.vm, release: fakeOf(found.node).hold(found.vm.name) });
    return `a job holds ${found.vm.name} on ${found.node}`;
  }

  function changeManners(): string | undefined {
    const found = running();
    if (!found) return undefined;
    const { vm, node } = found;
    const manners = random.pick(['willing', 'willing', 'unwilling', 'booting'] as const) ?? 'willing';
    fakeOf(node).setManners(vm.name, manners);
    fakeOf(node).reset(vm.name);
    return `${vm.name} is ${manners} after a reset`;
  }

  return [
    ...[stop, stop, startOne, startOne, startOne, resetHard, resetHard, suspendOrResume, save, save],
    ...[restore, restore, migrate, migrate, goOn, goOn, goOn, goOn, breakOff, loseHost, loseHost],
    ...[
      findHost,
      findHost,
      findHost,
      holdOrRelease,
      holdOrRelease,
      holdOrRelease,
      changeManners,
      eject,
      eject,
    ],
  ];
}
