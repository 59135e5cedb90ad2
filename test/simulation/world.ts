// Everything that one run simulates: two hosts with VMs, the pool, the disk of the database, and the process
// of the service, which can be ended and started. Only the process forgets.
import type { Caller } from '../../src/accounts/caller.ts';
import { GIB } from '../../src/lib/gib.ts';
import type { FakeVm } from '../../testkit/fakes/libvirtd/vm.ts';
import { createHosts, type Hosts, NODES, type NodeName, type Vm } from '../disks/support/hosts.ts';
import { createRandom } from '../disks/support/random.ts';
import { type Chance, createChance, type Temper } from './chance.ts';
import type { Clock } from './clock.ts';
import { createDurableRecords, type DurableRecords } from './durable.ts';
import { createHost, parseElement, type SimulatedHost } from './host.ts';
import {
  type Acknowledged,
  deviceViolations,
  holdersIn,
  lossesIn,
  noteWriters,
  remainsOf,
} from './invariants.ts';
import { createLedger, type Ledger } from './ledger.ts';
import type { VolumePlace } from './pool.ts';
import { Ended, type Service, type ServiceSettings, startService } from './service.ts';
import { createDurableDisk, type DurableDisk } from './store.ts';

/** Longest time that the process may take to end after SIGTERM, in milliseconds: then it is killed. */
const STOP_MS = 20_000;
const CAPACITY_GIB = 60;
/** Marks a disk that the frontend has put into a definition; copies of the definition keep it. */
const FRONTENDS = { name: 'qemu' };

/** Something that is watched from its begin to its end, after every step of the clock. */
export interface Watched {
  look(): void;
}

/** The world of one run. */
export interface World {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly hosts: Hosts;
  readonly machines: Readonly<Record<NodeName, SimulatedHost>>;
  readonly place: VolumePlace;
  readonly disk: DurableDisk;
  readonly records: DurableRecords;
  readonly ledger: Ledger;
  readonly settings: ServiceSettings;
  readonly acknowledged: Acknowledged;
  /** The violated invariants, as sentences; the run ends with the first. */
  readonly wrong: string[];
  /** What has happened, and what the service has logged. */
  readonly trace: string[];
  readonly watched: Set<Watched>;
  /** Clients send nothing any more, and everything is being healed. */
  isEnding: boolean;
  /** The passwords of the accounts, as far as clients know them. */
  readonly passwords: Map<string, string>;
  /** The process; undefined: there is none, or it has not recovered yet. */
  service(): Service | undefined;
  /** Whether this VM has this disk now. */
  hasNamed(vmId: string, disk: string): boolean;
  /**
   * Why a running VM has an older size of a disk than this; undefined: none has. Not of a VM that the service
   * knows on another node only: it was restored or started here unseen.
   */
  staleSizes(disk: string, bytes: number): string | undefined;
  /** The frontend takes all disks out of a VM's definitions. */
  forgetDefinition(vm: Vm): void;
  /** The frontend puts a disk into the definition of a VM that does not run. */
  define(vm: Vm, node: string, element: string): void;
  /** A VM that does not run is removed for good, and another one gets its name; false: it may come back. */
  bury(vm: Vm): boolean;
  /** Starts a VM that does not run, where it was saved if it was; undefined: there is none. */
  boot(): string | undefined;
  /** Whether the power of a host is off. */
  isOff(node: NodeName): boolean;
  /** Switches a host off; false: it is not up, or one of its VMs is migrating. */
  powerOff(node: NodeName): boolean;
  /** A host that is off comes back empty, if at all; false: a VM of it may come back. */
  replaceHost(node: NodeName): boolean;
  holders(): ReadonlyMap<string, ReadonlySet<Vm>>;
  newUuid(): string;
  /** Somebody has asked to delete a disk (1), or the request was refused (-1). */
  countDeletion(disk: string, change: 1 | -1): void;
  note(line: string): void;
  violated(sentence: string): void;
  /** Starts the process, unless there is one; it recovers meanwhile. */
  start(): void;
  /** Ends the process in this moment. */
  crash(): void;
  /** Ends the process as SIGTERM does; resolves when it has ended. */
  stop(): Promise<void>;
  /** The caller with this name, if its password is right. */
  login(name: string): Promise<Caller | undefined>;
}

/** A UUID that depends on the seed alone. */
function uuidFrom(seed: number, count: number): string {
  const digits = (value: number, length: number): string =>
    value.toString(16).padStart(length, '0').slice(-length);
  return `${digits(count, 8)}-0000-4000-8000-${digits(seed, 12)}`;
}

/** The world of a seed, without a process, VMs or accounts. */
export function createWorld(seed: number, clock: Clock): World {
  const random = createRandom(seed);
  const temper: Temper = {
    slowness: random.pick([0, 0.02, 0.1]) ?? 0,
    losses: random.pick([0, 0, 0.01]) ?? 0,
    poolFailures: random.pick([0, 0.05, 0.2]) ?? 0,
  };
  const chance = createChance(seed, temper);
  const settings: ServiceSettings = {
    userLimit: random.pick([1, 1, 2]) ?? 1,
    vmAccess: random.pick(['any', 'any', 'service']) ?? 'any',
    timeoutMs: random.pick([12_000, 30_000]) ?? 30_000,
    nodes: new Map(NODES.map(node => [node, `qemu+tcp://${node}/system`])),
  };
  const wrong: string[] = [];
  const trace: string[] = [];
  const watched = new Set<Watched>();
  const passwords = new Map<string, string>();
  const acknowledged: Acknowledged = { sizes: new Map(), deletions: new Map() };
  const ledger = createLedger();
  const place: VolumePlace = {
    volumes: new Map(),
    capacityGiB: CAPACITY_GIB,
    wipes: random.chance(0.4),
    removed(uuid, volume) {
      if (place.wipes) for (const sentence of remainsOf(uuid, volume)) violated(sentence);
    },
  };
  let uuids = 0;
  let ids = 0;
  let current: Service | undefined;
  let starting = false;
  let recovered = false;
  let holders: Map<string, Set<Vm>> = new Map();
  let recordsChanged = false;

  const newUuid = (): string => {
    uuids += 1;
    return uuidFrom(seed, uuids);
  };
  const note = (line: string): void => {
    trace.push(`${((clock.now() - begun) / 1000).toFixed(3)} ${line}`);
  };
  function violated(sentence: string): void {
    wrong.push(sentence);
    note(`VIOLATION: ${sentence}`);
    clock.stopped = true;
  }

  const begun = clock.now();
  const told = new Map<string, number>();
  const off = new Set<NodeName>();
  const deviceOf = ({ uuid, id }: FakeVm, target: string): string => `${uuid} ${id} ${target}`;
  const makeHost = (name: string): SimulatedHost =>
    createHost(name, newUuid(), {
      chance,
      newUuid,
      resized(vm, target, bytes) {
        const source = vm.disks.find(one => one.target === target)?.alias.slice(3) ?? '';
        told.set(deviceOf(vm, target), Number(bytes ?? place.volumes.get(source)?.bytes ?? 0));
      },
    });
  const machines = { n1: makeHost('n1'), n2: makeHost('n2') };
  const hosts = createHosts(machines);
  const look = (): void => {
    for (const one of watched) one.look();
  };
  const disk = createDurableDisk(look, writes => {
    recordsChanged = true;
    for (const sentence of ledger.add(writes, records)) violated(sentence);
  });
  const records = createDurableRecords(disk);

  clock.onTick = () => {
    if (wrong.length > 0) return;
    for (const node of off) if (hosts.hosts[node].is !== 'dead') off.delete(node);
    holders = holdersIn(hosts);
    for (const sentence of deviceViolations(holders, records)) violated(sentence);
    for (const sentence of noteWriters(holders, place)) violated(sentence);
    if (recordsChanged) for (const sentence of lossesIn(acknowledged, records, place)) violated(sentence);
    recordsChanged = false;
    look();
  };

  const world: World = {
    clock,
    chance,
    hosts,
    machines,
    place,
    disk,
    records,
    ledger,
    settings,
    acknowledged,
    wrong,
    trace,
    watched,
    isEnding: false,
    passwords,
    newUuid,
    countDeletion(uuid, change) {
      acknowledged.deletions.set(uuid, (acknowledged.deletions.get(uuid) ?? 0) + change);
    },
    note,
    violated,
    service: () => (recovered && current && !current.isDead() ? current : undefined),
    hasNamed: (vmId, uuid) => [...(holders.get(uuid) ?? [])].some(vm => vm.vmId === vmId),
    staleSizes(uuid, bytes) {
      for (const node of NODES) {
        for (const vm of machines[node].vms.all()) {
          const known = records.users(uuid).filter(({ context }) => context.vm.domain === vm.uuid);
          if (known.length > 0 && known.every(({ context }) => context.vm.host !== node)) continue;
          const device = vm.disks.find(({ alias }) => alias === `ua-${uuid}`);
          const size = device && told.get(deviceOf(vm, device.target));
          if (size !== undefined && size < bytes && !vm.imagesFree)
            return `${vm.name} on ${node} knows ${size} of ${bytes} bytes`;
        }
      }
      return undefined;
    },
    forgetDefinition(vm) {
      for (const node of NODES) {
        const domain = machines[node].vms.known(vm.uuid);
        if (domain) domain.coldDisks = domain.coldDisks.filter(({ driver }) => driver !== FRONTENDS);
      }
    },
    define(vm, node, element) {
      const machine = NODES.find(one => one === node);
      if (
        world.isEnding ||
        !machine ||
        hosts.hosts[machine].is === 'dead' ||
        hosts.liveOn(vm).length > 0 ||
        vm.file
      )
        return;
      const { vms } = machines[machine];
      const { name, uuid } = vm;
      const domain = vms.known(uuid) ?? vms.add({ name, uuid, running: false });
      if (domain.saved || domain.coldDisks.some(({ target }) => target === parseElement(element).target))
        return;
      domain.coldDisks = [...domain.coldDisks, { ...parseElement(element), driver: FRONTENDS }];
      vms.tell(domain, 'definedUpdated');
    },
    bury(vm) {
      if (vm.migration || vm.stalled || hosts.liveOn(vm).length > 0) return false;
      for (const node of NODES) {
        const { vms } = machines[node];
        const domain = vms.known(vm.uuid);
        if (domain) vms.forget(domain);
      }
      const another: Vm = { ...vm, uuid: newUuid(), file: undefined };
      hosts.vms.splice(hosts.vms.indexOf(vm), 1, another);
      return true;
    },
    boot() {
      const vm = chance.random.pick(
        hosts.vms.filter(one => !one.migration && hosts.liveOn(one).length === 0),
      );
      const up = NODES.filter(one => hosts.hosts[one].is === 'up');
      const node = vm && (hosts.savedOn(vm) ?? chance.random.pick(up));
      if (!vm || !node || !up.includes(node)) return undefined;
      const { name, uuid, persistent } = vm;
      if (vm.file) machines[node].restore(vm.file);
      else if (hosts.there(node, vm)) machines[node].start(name);
      else machines[node].addDomain({ name, uuid, persistent });
      vm.file = undefined;
      return `${name} is started on ${node}`;
    },
    isOff: node => off.has(node),
    powerOff(node) {
      if (hosts.hosts[node].is !== 'up' || hosts.vms.some(({ migration }) => migration)) return false;
      hosts.hosts[node].is = 'dead';
      off.add(node);
      machines[node].powerOff();
      return true;
    },
    replaceHost(node) {
      if (hosts.vms.some(({ migration, stalled }) => migration || stalled)) return false;
      machines[node].forgetAll();
      for (const vm of hosts.vms.filter(one => hosts.liveOn(one).length === 0)) {
        vm.file = undefined;
        world.forgetDefinition(vm);
      }
      return true;
    },
    holders: () => holders,
    start() {
      if (starting || (current && !current.isDead())) return;
      starting = true;
      recovered = false;
      disk.broken = false;
      for (const sentence of ledger.differences(records)) violated(sentence);
      let published = disk.newestEvent;
      startService(
        {
          disk,
          place,
          chance,
          settings,
          open: (uri, options = {}) => (uri.includes('n1') ? machines.n1 : machines.n2).open(options),
          newUuid,
          newId: () => {
            ids += 1;
            return `id-${ids}`;
          },
          time: clock.now,
          publish: events => {
            for (const { sequence } of events) {
              if (!disk.event(sequence)) violated(`event ${sequence} was published before it was on disk`);
              if (sequence !== published + 1) violated(`event ${sequence} was published after ${published}`);
              published = sequence;
            }
          },
          fault: error => violated(`a fault in the service itself: ${error.stack}`),
          log: line => note(`  ${line}`),
          failed: () => queueMicrotask(world.crash),
        },
        born => {
          current = born;
        },
      )
        .then(() => {
          recovered = true;
          note('the service has recovered');
        })
        .catch(error => {
          if (!(error instanceof Ended)) violated(`the service does not start: ${error.stack}`);
        })
        .finally(() => {
          starting = false;
        });
    },
    crash() {
      current?.crash();
      recovered = false;
    },
    async stop() {
      const service = current;
      if (!service || service.isDead() || !recovered) return world.crash();
      recovered = false;
      const killer = setTimeout(service.crash, STOP_MS);
      await Promise.race([service.stop(), service.ended]);
      clearTimeout(killer);
    },
    async login(name) {
      const password = passwords.get(name);
      const accounts = world.service()?.accounts;
      return password === undefined ? undefined : accounts?.verify(name, password);
    },
  };
  return world;
}

/** The bytes of a size in GiB. */
export const bytesOf = (sizeGiB: number): number => sizeGiB * GIB;
