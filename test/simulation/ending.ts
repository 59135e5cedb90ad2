// The end of a run: everything is well again, every disk is detached and deleted, and then nothing may be
// left over, and nobody may wait for anything.
import { isWaiting } from '../../src/disks/records/records.ts';
import { NODES } from '../disks/support/hosts.ts';
import type { World } from './world.ts';

const cause = { kind: 'request' } as const;
/**
 * How often everything is tried before it counts as stuck; some retries of the service come after 10 minutes.
 */
const ROUNDS = 60;
const ROUND_MS = 6_000;
/** How long the service may take to stop, in milliseconds, when everything is well. */
const STOP_MS = 15_000;
const DAY_MS = 90_000_000;

/** Reconnects every host, ends every job and migration, starts or restores VMs, and makes guests willing. */
function heal(world: World): void {
  const { hosts, machines } = world;
  world.chance.calm();
  world.isEnding = true;
  for (const node of NODES) {
    if (hosts.hosts[node].is !== 'up') void machines[node].listen();
    hosts.hosts[node].is = 'up';
  }
  for (const { release } of hosts.holds.splice(0)) release();
  for (const vm of hosts.vms) {
    if (vm.stalled) vm.migration?.migration.wake();
    else vm.migration?.migration.to('over');
    vm.migration = undefined;
    vm.stalled = false;
    const saved = hosts.savedOn(vm);
    if (hosts.liveOn(vm).length === 0 && vm.file) machines.n1.restore(vm.file);
    else if (hosts.liveOn(vm).length === 0 && saved) machines[saved].start(vm.name);
    vm.file = undefined;
    for (const node of hosts.liveOn(vm)) {
      if (hosts.there(node, vm)?.state === 3) machines[node].resume(vm.name);
      machines[node].setManners(vm.name, 'willing');
      machines[node].reset(vm.name);
    }
  }
}

/** Sends what would free every disk; what fails is tried again in the next round. */
async function freeAll(world: World): Promise<void> {
  const { hosts, records } = world;
  const service = world.service();
  const admin = await world.login('admin').catch(() => undefined);
  if (!service || !admin) return;
  const ask = (promise: Promise<unknown>): void => {
    promise.catch(() => {});
  };
  const { disks } = service;
  for (const node of NODES) ask(disks.nodes.declareAlive(admin, node));
  for (const { context } of records.attachments()) {
    const { disk, vmId, node, vm: user } = context;
    const vm = hosts.vms.find(one => (user.domain === null ? one.vmId === vmId : one.uuid === user.domain));
    if (vm && hosts.liveOn(vm).length > 0 && context.mode === 'hot') {
      const home = hosts.liveOn(vm)[0] ?? node;
      ask(disks.service.hotdetach(admin, disk, { node: home, vmId }, cause));
      continue;
    }
    // A registered VM ends with its disk, and its definition goes.
    if (vm) {
      world.forgetDefinition(vm);
      for (const home of hosts.liveOn(vm)) world.machines[home].destroy(vm.name);
    }
    const name = { node: user.host, vmId };
    const detached = disks.service.detach(admin, name, cause);
    ask(detached.catch(() => disks.service.detach(admin, name, cause, { reason: 'it is gone' })));
  }
  for (const { context } of records.disks()) {
    if (records.users(context.uuid).length > 0) continue;
    world.countDeletion(context.uuid, 1);
    ask(disks.service.delete(admin, context.uuid, cause));
  }
}

/**
 * Takes disks out of the definitions that a migration left behind, as the service's list of drift tells: on a
 * host that did not answer when a disk was freed, nobody could see them.
 */
async function tidyDefinitions(world: World): Promise<void> {
  const admin = await world.login('admin').catch(() => undefined);
  const rows = admin && (await world.service()?.disks.drift.list(admin));
  for (const { kind, node, vm, disk, repair } of rows ?? []) {
    const host = NODES.find(one => one === node);
    const domain = host && world.machines[host].vms.all().find(one => one.name === vm);
    if (kind !== 'definition-keeps' || repair === null || !domain) continue;
    domain.coldDisks = domain.coldDisks.filter(({ alias }) => alias !== `ua-${disk}`);
  }
}

/** What is left over or waits, as sentences. */
function leftIn(world: World): string[] {
  const { records, place, hosts, disk } = world;
  const left: string[] = [];
  for (const record of [...records.disks(), ...records.attachments()]) {
    const name =
      'uuid' in record.context
        ? record.context.uuid
        : `${record.context.id} ${JSON.stringify(record.context)}`;
    left.push(`${name} is ${record.state}${isWaiting(record) ? ', and waits' : ''}`);
  }
  for (const uuid of place.volumes.keys()) left.push(`the volume of ${uuid} is there`);
  for (const key of disk.records.keys()) if (key.startsWith('leftover/')) left.push(`${key} is there`);
  for (const [uuid, vms] of world.holders()) {
    left.push(`disk ${uuid} is in ${[...vms].map(({ name }) => name).join(' and ')}`);
  }
  for (const node of NODES) {
    for (const vm of hosts.hosts[node].fake.vms.all()) {
      for (const { alias } of vm.coldDisks) left.push(`the definition of ${vm.name} on ${node} has ${alias}`);
    }
  }
  return left;
}

/** Ends a run. What cannot be freed or does not come to rest is a violation. */
export async function comeToRest(world: World): Promise<void> {
  const { clock } = world;
  world.note('everything is well again');
  heal(world);
  for (let round = 0; round < ROUNDS && world.wrong.length === 0; round += 1) {
    world.start();
    await freeAll(world);
    void tidyDefinitions(world).catch(() => {});
    await clock.pass(ROUND_MS);
    if (leftIn(world).length === 0 && world.watched.size === 0) break;
    // Only claims of dead VMs are left: they end after a day.
    const waiting = [...world.records.disks(), ...world.records.attachments()].some(isWaiting);
    if (!waiting && round % 4 === 3) clock.skip(round % 8 === 7 ? DAY_MS : 600_000);
  }
  if (world.wrong.length > 0) return;
  const left = leftIn(world);
  if (left.length > 0) world.violated(`this is left at the end: ${left.join('; ')}`);
  for (const sentence of world.ledger.differences(world.records)) world.violated(sentence);
  if (world.watched.size > 0) world.violated(`${world.watched.size} requests were never answered`);
  if (world.wrong.length > 0) return;
  let isStopped = false;
  void world.stop().then(() => {
    isStopped = true;
  });
  await clock.pass(STOP_MS);
  if (!isStopped) world.violated('the service does not stop');
}
