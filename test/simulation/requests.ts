// Everything that clients ask for: users with quotas, the cloud's frontend, administrators. Each function
// chooses its subject and sends its request; it returns undefined where there is nothing to ask for.
import type { Caller } from '../../src/accounts/caller.ts';
import { isHeld } from '../../src/disks/records/records.ts';
import { mayFind } from '../../src/disks/services/rights.ts';
import { NODES, type NodeName, type Vm } from '../disks/support/hosts.ts';
import { type Request, sendRequest } from './request.ts';
import { bytesOf, type World } from './world.ts';

const cause = { kind: 'request' } as const;
const force = { reason: 'it is gone' };
const USERS = ['alice', 'bob', 'carol'] as const;

/** Sends a request of an account. */
type Ask = <Answer>(name: string, make: (caller: Caller) => Request<Answer> | undefined) => void;

/** The requests that clients may send in a world, by name. */
export function createRequests(world: World) {
  const { chance, records, hosts, acknowledged, place } = world;

  const ask: Ask = (name, make) => {
    const login = async (): Promise<void> => {
      const caller = await world.login(name).catch(() => undefined);
      const request = caller && make(caller);
      if (request) await sendRequest(world, request);
    };
    login().catch(error => world.violated(`a request ended with ${error.stack}`));
  };

  const anybody = (): string => chance.random.pick(['admin', 'cloud', 'cloud', ...USERS]) ?? 'admin';
  /** Mostly somebody who may do what is asked. */
  const somebodyFor = (uuid: string): string => {
    const owner = records.disk(uuid)?.context.owner ?? 'admin';
    return chance.random.pick([owner, owner, owner, 'cloud', 'cloud', 'admin', anybody()]) ?? owner;
  };
  const disks = (): string[] => records.disks().map(one => one.context.uuid);
  const someDisk = (): string | undefined =>
    chance.random.pick(chance.random.chance(0.1) ? disks() : disks().filter(records.known));
  const someVm = (): Vm => {
    const live = hosts.vms.filter(vm => hosts.liveOn(vm).length > 0);
    return chance.random.pick(live.length > 0 && chance.random.chance(0.9) ? live : hosts.vms) as Vm;
  };
  const nodeFor = (vm: Vm): string =>
    (chance.random.chance(0.9) && hosts.liveOn(vm)[0]) || (chance.random.pick(NODES) ?? 'n1');

  const unknownTo = (caller: Caller, uuid: string) => (): boolean => {
    const disk = records.known(uuid);
    return !disk || !mayFind(caller, disk);
  };
  const users = (uuid: string): number => records.users(uuid).length;
  const attachmentsOf = (uuid: string, vm: Vm) =>
    records
      .users(uuid)
      .filter(({ context: { vm: user, vmId } }) =>
        user.domain === null ? vmId === vm.vmId : user.domain === vm.uuid || user.names.includes(vm.name),
      );
  /** As the service reads (node, vm_id): without the domain, by name and node alone. */
  const namedAttachments = (uuid: string, vm: Vm, node: string) =>
    records
      .users(uuid)
      .filter(({ context: { vm: user } }) => user.host === node && user.names.includes(vm.name));
  const name = (uuid: string): string => uuid.slice(0, 8);

  function create(): string {
    const owner = anybody();
    const sizeGiB = 1 + chance.random.below(3);
    const visibility = chance.random.pick(['private', 'private', 'public'] as const) ?? 'private';
    ask(owner, caller => {
      const isOver = (): boolean => {
        const [owned, most] = [records.ownedBy(owner), records.quotaOf(owner)];
        return most !== undefined && (owned.disks + 1 > most.disks || owned.sizeGiB + sizeGiB > most.sizeGiB);
      };
      const promised = (): number => records.disks().reduce((sum, { context }) => sum + context.sizeGiB, 0);
      return {
        text: `${owner} creates ${sizeGiB} GiB`,
        send: service => service.disks.service.create(caller, { sizeGiB, tag: '', visibility }, cause),
        refusals: { QUOTA_EXCEEDED: isOver, NO_SPACE: () => promised() + sizeGiB > place.capacityGiB },
        after({ uuid }) {
          const volume = place.volumes.get(uuid);
          acknowledged.sizes.set(uuid, sizeGiB);
          if (!records.known(uuid)) return `disk ${uuid} is not on record`;
          if (!volume?.complete || volume.bytes < bytesOf(sizeGiB)) return `disk ${uuid} has no volume`;
          return undefined;
        },
      };
    });
    return 'create';
  }

  function remove(): string | undefined {
    const uuid = someDisk();
    if (!uuid) return undefined;
    const who = somebodyFor(uuid);
    ask(who, caller => {
      world.countDeletion(uuid, 1);
      return {
        text: `${who} deletes ${name(uuid)}`,
        send: service => service.disks.service.delete(caller, uuid, cause),
        refusals: {
          DISK_UNKNOWN: unknownTo(caller, uuid),
          DISK_IN_USE: () => users(uuid) > 0 || world.holders().has(uuid),
        },
        after: () => {
          if (records.known(uuid)) return `disk ${uuid} is still there`;
          if (!place.wipes && place.volumes.has(uuid)) return `the volume of ${uuid} is still there`;
          return undefined;
        },
        ended(outcome) {
          if (outcome !== 'done' && outcome !== 'unknown') world.countDeletion(uuid, -1);
        },
      };
    });
    return `delete ${name(uuid)}`;
  }

  function resize(): string | undefined {
    const uuid = someDisk();
    if (!uuid) return undefined;
    const who = somebodyFor(uuid);
    const sizeGiB = (records.disk(uuid)?.context.sizeGiB ?? 1) + (chance.random.pick([0, 1, 1, 2, 30]) ?? 1);
    ask(who, caller => ({
      text: `${who} resizes ${name(uuid)} to ${sizeGiB} GiB`,
      send: service => service.disks.service.resize(caller, uuid, sizeGiB, cause),
      refusals: {
        DISK_UNKNOWN: unknownTo(caller, uuid),
        NOT_LARGER: () => (records.disk(uuid)?.context.sizeGiB ?? 0) >= sizeGiB,
        DISK_BUSY: () => true,
      },
      after() {
        if (!records.known(uuid) && (acknowledged.deletions.get(uuid) ?? 0) > 0) return undefined;
        acknowledged.sizes.set(uuid, Math.max(acknowledged.sizes.get(uuid) ?? 0, sizeGiB));
        if ((place.volumes.get(uuid)?.bytes ?? 0) < bytesOf(sizeGiB)) return 'its volume is smaller';
        return world.staleSizes(uuid, bytesOf(sizeGiB));
      },
    }));
    return `resize ${name(uuid)} to ${sizeGiB}`;
  }

  function setLimit(): string | undefined {
    const uuid = someDisk();
    if (!uuid) return undefined;
    const limit = 1 + chance.random.below(3);
    ask('admin', caller => ({
      text: `admin sets the limit of ${name(uuid)} to ${limit}`,
      send: service => service.disks.service.setLimit(caller, uuid, limit, cause),
      success: () => records.disk(uuid)?.context.limit === limit,
      refusals: { DISK_UNKNOWN: unknownTo(caller, uuid), DISK_IN_USE: () => users(uuid) > 0 },
    }));
    return `limit of ${name(uuid)}: ${limit}`;
  }

  function edit(): string | undefined {
    const uuid = someDisk();
    if (!uuid) return undefined;
    const who = somebodyFor(uuid);
    const tag = `tag ${chance.random.below(1000)}`;
    const visibility = chance.random.pick(['private', 'public', undefined] as const);
    ask(who, caller => ({
      text: `${who} edits ${name(uuid)}`,
      send: service => service.disks.service.edit(caller, uuid, { tag, visibility }, cause),
      success: () => records.disk(uuid)?.context.tag === tag,
      refusals: { DISK_UNKNOWN: unknownTo(caller, uuid) },
    }));
    return `edit ${name(uuid)}`;
  }

  function retry(): string | undefined {
    const failed = records.disks().filter(({ state }) => state === 'failed');
    const uuid = chance.random.pick(failed)?.context.uuid ?? someDisk();
    if (!uuid) return undefined;
    ask('admin', caller => ({
      text: `admin retries ${name(uuid)}`,
      send: service => service.disks.service.retry(caller, uuid, cause),
      refusals: { DISK_NOT_FAILED: () => records.known(uuid) !== undefined },
      after() {
        if (!records.known(uuid)) return 'it is not on record';
        acknowledged.sizes.set(uuid, records.disk(uuid)?.context.sizeGiB ?? 1);
        return undefined;
      },
    }));
    return `retry ${name(uuid)}`;
  }

  function hotattach(wanted?: Vm, on?: NodeName): string | undefined {
    const uuid = someDisk();
    if (!uuid) return undefined;
    const [who, vm] = [somebodyFor(uuid), wanted ?? someVm()];
    const node = on ?? nodeFor(vm);
    ask(who, caller => ({
      text: `${who} hotattaches ${name(uuid)} to ${vm.name} on ${node}`,
      send: service => service.disks.service.hotattach(caller, uuid, { node, vmId: vm.vmId }, cause),
      success: () => world.hasNamed(vm.vmId, uuid),
      refusals: {
        DISK_UNKNOWN: unknownTo(caller, uuid),
        LIMIT_REACHED: () => users(uuid) >= (records.disk(uuid)?.context.limit ?? 0),
        ALREADY_ATTACHED: () => attachmentsOf(uuid, vm).length > 0 || world.hasNamed(vm.vmId, uuid),
      },
    }));
    return `hotattach ${name(uuid)} to ${vm.name} on ${node}`;
  }

  function hotdetach(): string | undefined {
    const attached = records.attachments().filter(isHeld);
    const one = chance.random.pick(attached);
    const uuid = chance.random.chance(0.8) ? one?.context.disk : someDisk();
    const vm = hosts.vms.find(({ vmId }) => vmId === one?.context.vmId) ?? someVm();
    if (!uuid) return undefined;
    const who = somebodyFor(uuid);
    const node = chance.random.chance(0.8) ? (one?.context.vm.host ?? nodeFor(vm)) : nodeFor(vm);
    ask(who, caller => ({
      text: `${who} hotdetaches ${name(uuid)} from ${vm.name} on ${node}`,
      send: service => service.disks.service.hotdetach(caller, uuid, { node, vmId: vm.vmId }, cause),
      success: () => !world.hasNamed(vm.vmId, uuid),
      refusals: {
        ATTACHMENT_UNKNOWN: () => namedAttachments(uuid, vm, node).length === 0,
        NOT_HOT_PLUGGED: () =>
          namedAttachments(uuid, vm, node).some(({ context }) => context.mode === 'cold'),
      },
    }));
    return `hotdetach ${name(uuid)} from ${vm.name} on ${node}`;
  }

  /** The frontend has one request for a VM under way at a time. */
  const occupied = new Set<string>();

  function detach(): string | undefined {
    // The frontend's word counts where no host can know better: a correct one does not claim that a VM that
    // was saved to a file was killed. Nor does it claim that of a VM that runs with a disk which it has
    // registered: such a disk is released at its word as long as no host was seen to have it.
    const isLaunched = (vm: Vm): boolean =>
      hosts.liveOn(vm).length > 0 &&
      records.attachments().some(({ context }) => context.mode === 'cold' && context.vmId === vm.vmId);
    const free = hosts.vms.filter(one => !one.file && !occupied.has(one.vmId) && !isLaunched(one));
    const vm = chance.random.pick(free);
    if (!vm) return undefined;
    const node = nodeFor(vm);
    const who = chance.random.pick(['cloud', 'cloud', 'admin', ...USERS]) ?? 'cloud';
    world.forgetDefinition(vm);
    occupied.add(vm.vmId);
    ask(who, caller => ({
      text: `${who} detaches ${vm.name} on ${node}`,
      send: service => service.disks.service.detach(caller, { node, vmId: vm.vmId }, cause),
      refusals: { VM_RUNNING: () => hosts.liveOn(vm).length > 0 },
      ended: () => void occupied.delete(vm.vmId),
    }));
    return `detach ${vm.name} on ${node}`;
  }

  function attach(): string | undefined {
    const uuid = someDisk();
    if (!uuid) return undefined;
    const [who, vm] = [chance.random.pick(['cloud', 'cloud', 'admin', ...USERS]) ?? 'cloud', someVm()];
    const node = nodeFor(vm);
    ask(who, caller => ({
      text: `${who} registers ${vm.name} on ${node} with ${name(uuid)}`,
      send: service => service.disks.service.attach(caller, uuid, { node, vmId: vm.vmId }, cause),
      success: () => namedAttachments(uuid, vm, node).some(({ context }) => context.mode === 'cold'),
      refusals: {
        DISK_UNKNOWN: unknownTo(caller, uuid),
        HOT_PLUGGED: () => namedAttachments(uuid, vm, node).some(({ context }) => context.mode === 'hot'),
      },
    }));
    return `attach ${name(uuid)} to ${vm.name} on ${node}`;
  }

  /** The frontend defines a VM that does not run with a disk that is registered for it. */
  function define(): string | undefined {
    const cold = records.attachments().filter(one => isHeld(one) && one.context.mode === 'cold');
    const attachment = chance.random.pick(cold)?.context;
    const vm = hosts.vms.find(({ vmId }) => vmId === attachment?.vmId);
    if (!attachment || !vm || occupied.has(vm.vmId)) return undefined;
    const { disk: uuid, id, node, vmId } = attachment;
    occupied.add(vmId);
    ask('cloud', caller => ({
      text: `cloud asks for the element of ${name(uuid)} in ${vm.name}`,
      send: service => service.disks.service.element(caller, uuid, { node, vmId }, undefined, cause),
      after(element) {
        if (records.attachment(id)) world.define(vm, node, element);
        return undefined;
      },
      ended: () => void occupied.delete(vmId),
    }));
    return `define ${vm.name} on ${node} with ${name(uuid)}`;
  }

  /** An administrator vouches for the end of a VM, truly: it never comes back. */
  function forced(): string | undefined {
    const vm = chance.random.pick(hosts.vms.filter(one => !occupied.has(one.vmId)));
    const node = chance.random.pick(NODES);
    if (!vm || !node || !world.bury(vm)) return undefined;
    occupied.add(vm.vmId);
    ask('admin', caller => ({
      text: `admin detaches ${vm.name} on ${node} by force`,
      send: service => service.disks.service.detach(caller, { node, vmId: vm.vmId }, cause, force),
      ended: () => void occupied.delete(vm.vmId),
    }));
    return `${vm.name} is gone for good, and detached by force on ${node}`;
  }

  function declareDead(): string | undefined {
    const node = chance.random.pick(NODES.filter(world.isOff));
    if (!node || !world.replaceHost(node)) return undefined;
    ask('admin', caller => ({
      text: `admin declares ${node} dead`,
      send: service => service.disks.nodes.declareDead(caller, node, 'its power supply burnt'),
    }));
    return `${node} is lost with all its VMs, and declared dead`;
  }

  function declareAlive(): string | undefined {
    const node = chance.random.pick(NODES) ?? 'n1';
    ask('admin', caller => ({
      text: `admin declares ${node} alive`,
      send: service => service.disks.nodes.declareAlive(caller, node),
    }));
    return `declare ${node} alive`;
  }

  function agree(): string | undefined {
    const node = chance.random.pick(NODES) ?? 'n1';
    ask('admin', caller => ({
      text: `admin agrees with ${node}`,
      send: service => service.disks.nodes.agree(caller, node),
    }));
    return `agree with ${node}`;
  }

  /** Makes an account, or makes it anew after it was removed; or changes its password. */
  function putAccount(): string | undefined {
    const account = chance.random.pick(USERS) ?? 'carol';
    const password = `password of ${account}, ${chance.random.below(1000)}`;
    ask('admin', caller => ({
      text: `admin puts account ${account}`,
      send: service => service.accounts.put(caller, account, { password, role: 'user' }),
      ended(outcome) {
        if (outcome === 'done') world.passwords.set(account, password);
      },
    }));
    return `put account ${account}`;
  }

  function removeAccount(): string | undefined {
    const account = chance.random.pick(['carol', 'carol', 'bob']) ?? 'carol';
    ask('admin', caller => ({
      text: `admin removes account ${account}`,
      send: service =>
        service.accounts.remove(caller, account, one => service.disks.service.ownedBy(one).disks > 0),
      success: () => !world.disk.records.has(`account/${account}`),
    }));
    return `remove account ${account}`;
  }

  function setQuota(): string | undefined {
    const account = chance.random.pick(USERS) ?? 'carol';
    const quota = { disks: 1 + chance.random.below(6), sizeGiB: 2 + chance.random.below(12) };
    ask('admin', caller => ({
      text: `admin sets the quota of ${account}`,
      send: service => service.accounts.setQuota(caller, account, quota),
    }));
    return `set the quota of ${account}`;
  }

  /** Readers see what is on disk, neither more nor less. */
  function list(): string | undefined {
    const who = anybody();
    ask(who, caller => ({
      text: `${who} lists the disks`,
      send: async service => service.disks.service.list(caller).map(({ uuid }) => uuid),
      after(uuids) {
        const strange = uuids.find(uuid => unknownTo(caller, uuid)());
        return strange && `disk ${strange} is not there for ${who}`;
      },
    }));
    return 'list';
  }

  function drift(): string | undefined {
    ask('cloud', caller => ({
      text: 'cloud asks for the drift',
      send: service => service.disks.drift.list(caller),
    }));
    return 'drift';
  }

  return {
    create,
    remove,
    resize,
    setLimit,
    edit,
    retry,
    hotattach,
    hotdetach,
    detach,
    attach,
    define,
    forced,
    declareDead,
    declareAlive,
    agree,
    putAccount,
    removeAccount,
    setQuota,
    list,
    drift,
  };
}
