// Two hosts with random actions of people and guests, and random failures, while disks are plugged and
// unplugged: no disk is ever in more VMs than its limit, and none is free while a VM has it. Images have no
// locks here, since a storage may have none: only the service keeps a disk from a second VM.
// `scripts/simulate --hosts` does many runs, or repeats one by its seed.
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { until } from '../../testkit/until.ts';
import { createHosts, NODES } from './support/hosts.ts';
import { createMishaps, redefineOne } from './support/mishaps.ts';
import { createRandom, type Random } from './support/random.ts';
import { admin, cause, createSite, NEAR_MS } from './support/site.ts';

const RUNS = Number(process.env.PDISK_SIMULATION_RUNS ?? 12);
const FIRST_SEED = Number(process.env.PDISK_SIMULATION_SEED ?? 1);
const STEPS = 60;
/** Runs at the same time: they mostly wait. */
const LANES = 3;

type Site = Awaited<ReturnType<typeof createSite>>;
type World = ReturnType<typeof createHosts>;

const ignore = (): void => {};

/** The violated invariants, as sentences. */
function violations(site: Site, world: World, disks: ReadonlySet<string>, limit: number): string[] {
  return [...disks].flatMap(disk => {
    const holders = world.holdersOf(disk).map(({ name }) => name);
    const found: string[] = [];
    if (holders.length > limit) found.push(`${disk} is in ${holders.join(' and ')}, limit ${limit}`);
    let users = 0;
    try {
      users = site.users(disk);
    } catch {
      // Deleted, or not created yet.
    }
    if (users < holders.length) found.push(`${disk} is in ${holders.join(' and ')} and has ${users} users`);
    return found;
  });
}

async function simulate(seed: number): Promise<string[]> {
  const random = createRandom(seed);
  const [wildcard, limit] = [seed % 2 === 0, seed % 5 === 0 ? 2 : 1];
  const endings: (() => unknown)[] = [];
  const wrong: string[] = [];
  const trace: string[] = [];
  const scope = {
    fail: (why = '') => wrong.push(why),
    teardown: (ending: () => unknown) => endings.push(ending),
  } as unknown as Parameters<typeof createSite>[0];
  const settings = { userLimit: limit, attachTimeoutMs: NEAR_MS, detachTimeoutMs: NEAR_MS };
  const site = await createSite(scope, settings, { wildcard, locks: false });
  try {
    await play(random, createRandom(~seed), site, limit, trace, wrong);
  } catch (error) {
    wrong.push(String(error));
    // Events are published once the decision is on disk.
    await delay(200);
  } finally {
    const events = site.published.slice(-12).map(event => JSON.stringify(event));
    if (wrong.length > 0) wrong.push(...events, ...site.lines.slice(-8));
    for (const ending of endings.reverse()) await ending();
  }
  if (wrong.length === 0) return [];
  const kind = `${wildcard ? 'wildcard' : 'named'}, limit ${limit}`;
  return [`seed ${seed} (${kind})`, ...wrong, 'it had come to this:', ...trace.slice(-30)];
}

/**
 * `aside`: a generator for choices that do not affect the rest of a run, so that a seed gives the same run
 * with and without them.
 */
async function play(
  random: Random,
  aside: Random,
  site: Site,
  limit: number,
  trace: string[],
  wrong: string[],
) {
  const world = createHosts({ n1: site.n1, n2: site.n2 });
  world.add('1', 'n1', true);
  world.add('2', 'n2', true);
  world.add('3', 'n1', false);
  const disks = new Set<string>();
  const works: Promise<unknown>[] = [];
  let up = true;

  const begin = (work: Promise<unknown>): void => {
    works.push(work.catch(ignore));
  };
  const check = (): void => {
    if (up && wrong.length === 0) wrong.push(...violations(site, world, disks, limit));
  };
  async function pass(ms: number): Promise<void> {
    const end = performance.now() + ms;
    do {
      await delay(3);
      check();
    } while (performance.now() < end && wrong.length === 0);
  }
  async function create(): Promise<void> {
    disks.add(await site.create());
  }

  /** A random VM, disk and node; mostly the node on which the VM is. */
  function somePlace() {
    const vm = random.pick(world.vms);
    const disk = random.pick([...disks]);
    if (!vm || !disk) throw new Error('there is nothing to work with');
    const node = random.pick([...world.liveOn(vm), ...world.liveOn(vm), ...NODES]) ?? 'n1';
    return { vm, disk, node };
  }

  const requests: (() => string | undefined | Promise<string | undefined>)[] = [
    () => {
      const { vm, disk, node } = somePlace();
      begin(site.hotattach(disk, vm.vmId, node));
      return `hotattach ${disk.slice(0, 4)} to ${vm.name} on ${node}`;
    },
    () => {
      const { vm, disk, node } = somePlace();
      begin(site.hotdetach(disk, vm.vmId, node));
      return `hotdetach ${disk.slice(0, 4)} from ${vm.name} on ${node}`;
    },
    () => {
      // The frontend's word counts where no host can know better, so a correct frontend does not claim that a
      // VM saved to a file was killed.
      const { vm, node } = somePlace();
      if (vm.file) return undefined;
      begin(site.detach(vm.vmId, node));
      return `detach ${vm.name} on ${node}`;
    },
    async () => {
      const { disk } = somePlace();
      begin(site.disks.service.delete(admin, disk, cause));
      await create();
      return `delete ${disk.slice(0, 4)}, and one more is made`;
    },
    async () => {
      if (!random.chance(0.5)) return undefined;
      up = false;
      await site.restart();
      up = true;
      return 'pdisk is started again';
    },
  ];
  const [hotattach, hotdetach] = requests;
  if (hotattach && hotdetach) requests.push(hotattach, hotattach, hotattach, hotattach, hotdetach);
  const mishaps = createMishaps(world, random);

  // Under the wildcard a host that was never met is not known to exist.
  for (const node of NODES) {
    await create();
    const vmId = node === 'n1' ? '1' : '2';
    for (const disk of disks) {
      await site.hotattach(disk, vmId, node);
      check();
      await site.hotdetach(disk, vmId, node);
    }
  }

  for (let step = 0; step < STEPS && wrong.length === 0; step += 1) {
    const act = random.pick(random.chance(0.4) ? requests : mishaps);
    const defined = aside.chance(0.1) ? redefineOne(world, aside) : undefined;
    if (defined !== undefined) trace.push(defined);
    const did = await act?.();
    if (did === undefined) continue;
    trace.push(did);
    check();
    await pass(random.pick([0, 0, 10, 30, 150]) ?? 0);
  }
  if (wrong.length > 0) return;
  await heal(site, world, trace);
  await Promise.all(works);
  await everythingEnds(site, world, disks, check);
  check();
}

/** Reconnects every host, ends every job and migration, and restores saved VMs. */
async function heal(site: Site, world: World, trace: string[]): Promise<void> {
  trace.push('everything is well again');
  for (const node of NODES) {
    if (world.hosts[node].is !== 'up') await world.hosts[node].fake.listen();
    world.hosts[node].is = 'up';
  }
  for (const { release } of world.holds.splice(0)) release();
  for (const vm of world.vms) {
    if (vm.stalled) vm.migration?.migration.wake();
    else vm.migration?.migration.to('over');
    vm.migration = undefined;
    if (world.liveOn(vm).length === 0 && vm.file) site.n1.restore(vm.file);
    const saved = world.savedOn(vm);
    if (world.liveOn(vm).length === 0 && saved) world.hosts[saved].fake.start(vm.name);
    vm.file = undefined;
    for (const node of world.liveOn(vm)) {
      const { fake } = world.hosts[node];
      if (world.there(node, vm)?.state === 3) fake.resume(vm.name);
      fake.setManners(vm.name, 'willing');
      fake.reset(vm.name);
    }
  }
}

/** Detaches every disk from every VM and deletes it; both must be possible for a caller who asks. */
async function everythingEnds(site: Site, world: World, disks: ReadonlySet<string>, check: () => void) {
  const held = (disk: string): boolean => {
    try {
      return site.users(disk) > 0 || world.holdersOf(disk).length > 0;
    } catch {
      return world.holdersOf(disk).length > 0;
    }
  };
  let last = '';
  const note = (error: unknown): void => {
    last = String(error);
  };
  await until(
    async () => {
      const left = [...disks].filter(held);
      for (const vm of world.vms) {
        for (const node of NODES) {
          if (world.liveOn(vm).length === 0) await killed(site, vm.vmId, node).catch(note);
          for (const disk of left) await site.hotdetach(disk, vm.vmId, node).catch(note);
        }
      }
      check();
      return ![...disks].some(held);
    },
    'every disk to come off',
    { timeoutMs: 60_000, everyMs: 50, hint: () => `${last}\n${report(site, world, disks)}` },
  );
  for (const disk of disks) {
    await site.disks.service.delete(admin, disk, cause).catch(error => {
      if (error.code !== 'DISK_UNKNOWN') throw error;
    });
  }
}

/**
 * Detaches as the frontend, after a kill; where that is not enough, since the VM had been saved to a file, as
 * an administrator by force.
 */
async function killed(site: Site, vmId: string, node: string): Promise<void> {
  const { service } = site.disks;
  await site.detach(vmId, node).catch(async error => {
    if (error.code !== 'VM_FATE_UNKNOWN') throw error;
    await service.detach(admin, { node, vmId }, cause, { reason: 'the file is gone' });
  });
}

/** The places of all disks, according to the service and to the hosts, for the report of a failure. */
function report(site: Site, world: World, disks: ReadonlySet<string>): string {
  const ofDisks = site.disks.service
    .listDetails(admin)
    .filter(({ users }) => users > 0)
    .map(({ uuid, state, attachments }) => {
      const each = attachments.map(one => `${one.state} ${one.onVm?.vmId}@${one.onVm?.node}`);
      return `${uuid}: ${state}, ${each.join(', ')}; in ${world.holdersOf(uuid).map(({ name }) => name)}`;
    });
  const ofVms = world.vms.map(vm => `${vm.name} lives on ${world.liveOn(vm).join() || 'no host'}`);
  const lost = [...disks].filter(disk => world.holdersOf(disk).length > 0);
  return [...ofDisks, ...ofVms, `still in VMs: ${lost}`, ...site.lines.slice(-5)].join('\n');
}

for (let lane = 0; lane < LANES; lane += 1) {
  test(`no disk is in more VMs than its limit, nor free while a VM has it, whatever happens (lane ${lane + 1})`, async t => {
    const failures: string[] = [];
    for (let seed = FIRST_SEED + lane; seed < FIRST_SEED + RUNS; seed += LANES) {
      const failure = await simulate(seed);
      if (failure.length > 0) failures.push(failure.join('\n  '));
    }
    t.is(failures.join('\n\n'), '');
  });
}
