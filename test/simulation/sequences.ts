// Things that matter only in close succession, and that single steps seldom bring about.

import { NODES, type NodeName, type Vm } from '../disks/support/hosts.ts';
import type { Random } from '../disks/support/random.ts';
import type { World } from './world.ts';

/** Pauses between two things, in milliseconds: before, while and after the service hears of the first. */
const PAUSES = [0, 2, 5, 10, 20, 40, 80, 200, 12_000] as const;

/** The sequences of a world. `plug` sends a request to plug some disk into a VM. */
export function createSequences(world: World, random: Random, plug: (vm: Vm, node: NodeName) => unknown) {
  const { hosts } = world;
  const hostOf = (node: NodeName) => hosts.hosts[node].fake;
  const hasDaemon = (node: NodeName): boolean => hosts.hosts[node].is !== 'dead';
  /** All pauses are drawn at once: a step leaves nothing to a chance of later steps. */
  const pauses = (count: number): number[] =>
    Array.from({ length: count }, () => random.pick<number>(PAUSES) ?? 0);

  /** A running VM that does not migrate and has a disk, and its node. */
  function withDisks(): { vm: Vm; node: NodeName } | undefined {
    const found = hosts.vms.flatMap(vm => {
      const [node, ...others] = hosts.liveOn(vm);
      const isFit = node && others.length === 0 && !vm.migration && !vm.stalled && hasDaemon(node);
      return isFit && (hosts.there(node, vm)?.disks.length ?? 0) > 0 ? [{ vm, node }] : [];
    });
    return random.pick(found);
  }

  const isOn = (vm: Vm, node: NodeName): boolean =>
    !world.isEnding && !vm.migration && hosts.liveOn(vm).includes(node) && hasDaemon(node);

  const isOff = (vm: Vm, node: NodeName): boolean =>
    !world.isEnding &&
    !vm.migration &&
    !vm.file &&
    hosts.vms.includes(vm) &&
    hosts.liveOn(vm).length === 0 &&
    hosts.savedOn(vm) === undefined &&
    hasDaemon(node) &&
    hosts.there(node, vm) !== undefined;

  const hold = (vm: Vm, node: NodeName): void => {
    hosts.holds.push({ vm, release: hostOf(node).hold(vm.name) });
  };

  /**
   * A definition gets the hot-plugged disks, from the live XML or by a migration that makes a definition; a
   * job may keep it from being corrected. Then the VM ends, and is started from that definition.
   */
  function startFromLiveXml(): string | undefined {
    const found = withDisks();
    if (!found) return undefined;
    const { vm, node } = found;
    const to = NODES.find(one => one !== node) ?? node;
    const isHeld = hosts.holds.some(one => one.vm === vm);
    const migrates = !hosts.there(node, vm)?.persistent;
    if (migrates && (isHeld || !NODES.every(hasDaemon))) return undefined;
    const home = migrates ? to : node;
    const isBusy = !isHeld && random.chance(0.5);
    const how = random.pick(['destroy', 'poweroff', 'kill'] as const) ?? 'kill';
    const [first = 0, second = 0] = pauses(2);
    if (migrates) hostOf(node).migrate(vm.name, hostOf(to), { persistent: true }).to('over');
    else hostOf(node).redefine(vm.name);
    if (isBusy) hold(vm, home);
    setTimeout(() => {
      if (isOn(vm, home)) hostOf(home)[how](vm.name);
    }, first);
    setTimeout(() => {
      if (isOff(vm, home)) hostOf(home).start(vm.name);
    }, first + second);
    return `${vm.name} gets a definition with its disks on ${home}${isBusy ? ', a job holds it' : ''}: ${how}, start`;
  }

  /**
   * A disk is plugged into a VM that is reset hard before libvirt carries that out. The new run is saved to a
   * file while the end of the old one is being followed up, and the connections that would tell of it drop.
   */
  function endOfAnEarlierRun(): string | undefined {
    const found = withDisks();
    if (!found || hosts.holds.some(({ vm }) => vm === found.vm)) return undefined;
    const { vm, node } = found;
    const first = random.below(20);
    // By then the plug is answered, and the end of the old run is still being followed up.
    const second = 30 + random.below(100);
    const third = random.pick([2_000, 12_000]) ?? 2_000;
    const release = hostOf(node).hold(vm.name);
    plug(vm, node);
    setTimeout(() => {
      if (isOn(vm, node) && hosts.there(node, vm)?.persistent) {
        hostOf(node).destroy(vm.name);
        hostOf(node).start(vm.name);
      }
      release();
    }, first);
    setTimeout(() => {
      if (!isOn(vm, node) || hosts.holds.some(one => one.vm === vm)) return;
      vm.file = hostOf(node).saveToFile(vm.name);
      hostOf(node).dropConnections();
    }, first + second);
    setTimeout(
      () => {
        const isGone = world.isEnding || !hosts.vms.includes(vm);
        if (isGone || !vm.file || !hasDaemon(node) || hosts.liveOn(vm).length > 0) return;
        hostOf(node).restore(vm.file);
        vm.file = undefined;
      },
      first + second + third,
    );
    return `${vm.name} is reset hard on ${node} during a plug, saved and restored`;
  }

  return { startFromLiveXml, endOfAnEarlierRun };
}
