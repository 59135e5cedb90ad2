// A host of the simulation: the VMs of the fake libvirtd, behind a simulated network. It has those methods of
// the fake libvirtd that the mishaps use, so that one list of mishaps serves both.
import { setTimeout as delay } from 'node:timers/promises';
import type { LibvirtClient } from '../../src/libvirt/client.ts';
import { AFFECT_LIVE, STOPPED_DESTROYED, XML_INACTIVE } from '../../src/libvirt/constants.ts';
import type { Domain } from '../../src/libvirt/domain.ts';
import { CallAborted } from '../../src/libvirt/errors.ts';
import { fakeAnswers } from '../../testkit/fakes/libvirtd/answers.ts';
import type { ProcedureName } from '../../testkit/fakes/libvirtd/faults.ts';
import { END } from '../../testkit/fakes/libvirtd/lifecycle.ts';
import { fakeMigration } from '../../testkit/fakes/libvirtd/migration.ts';
import { domainOf, type FakeVm, isRunning } from '../../testkit/fakes/libvirtd/vm.ts';
import { fakeVms } from '../../testkit/fakes/libvirtd/vms.ts';
import type { FakeDisk } from '../../testkit/fakes/libvirtd/xml.ts';
import type { HostControl } from '../disks/support/hosts.ts';
import type { Chance } from './chance.ts';
import { type Connection, connect, type OpenOptions } from './network.ts';

/** How long a willing guest takes to release a device, in milliseconds. */
const UNPLUG_MS = 30;
/** How long the network may be gone until a client notices, in milliseconds: libvirt's keepalive. */
const KEEPALIVE_MS = 30_000;
const CONNECT_MS = 10_000;

/** A host with its libvirtd. */
export interface SimulatedHost extends HostControl {
  /** Opens a connection, as `openClient`. */
  open(options: OpenOptions): Promise<LibvirtClient>;
  /** The power fails: libvirtd and every VM end, and nobody is told. */
  powerOff(): void;
  /** Forgets every domain and every saved image: the computer was replaced. */
  forgetAll(): void;
}

/** A disk as libvirt's live XML has it, with no more than pdisk reads. */
const diskXml = ({ alias, target, type, source, serial }: FakeDisk): string =>
  `<disk><source ${type === 'block' ? 'dev' : 'file'}='${source}'/><target dev='${target}'/>` +
  `<serial>${serial}</serial><alias name='${alias}'/></disk>`;

function xmlOf(vm: FakeVm, inactive: boolean): string {
  const live = isRunning(vm) && !inactive;
  const disks = live || !vm.persistent ? vm.disks : vm.coldDisks;
  const id = live ? ` id='${vm.id}'` : '';
  return `<domain${id}><devices>${disks.map(diskXml).join('')}</devices></domain>`;
}

const valueIn = (xml: string, pattern: RegExp): string => pattern.exec(xml)?.[1] ?? '';

/** The disk in an element that pdisk made. */
export function parseElement(xml: string): FakeDisk {
  return {
    alias: valueIn(xml, /<alias name="([^"]*)"/),
    target: valueIn(xml, /<target dev="([^"]*)"/),
    bus: 'virtio',
    type: valueIn(xml, /<disk type="([^"]*)"/),
    source: valueIn(xml, /<source (?:file|dev)="([^"]*)"/),
    serial: valueIn(xml, /<serial>([^<]*)</),
    shareable: xml.includes('<shareable/>'),
    readonly: false,
    driver: {},
  };
}

/** A host without VMs. */
export function createHost(
  name: string,
  hostUuid: string,
  {
    chance,
    newUuid,
    resized,
  }: {
    chance: Chance;
    newUuid: () => string;
    /** A VM has got a disk, or was told its new size; `bytes` undefined: the size of the volume. */
    resized: (vm: FakeVm, target: string, bytes?: bigint) => void;
  },
): SimulatedHost {
  const connections = new Set<Connection>();
  let life = 1;
  let state: 'up' | 'cut' | 'dead' = 'up';
  const vms = fakeVms({
    emit: event => {
      for (const connection of connections) connection.emit(event);
    },
    unplugMs: UNPLUG_MS,
    locks: false,
  });
  const answers = fakeAnswers(vms, { auth: 'none', hostUuid, hostname: name });
  const session = { opened: true, authenticated: true, keepalive: false, callbacks: new Map() };

  /** The calls that are made most often are answered without libvirt's whole XML. */
  function execute(procedure: ProcedureName, args: unknown): unknown {
    const { domain, flags, xml, disk, size } = (args ?? {}) as {
      domain: Domain;
      flags: number;
      xml: string;
      disk: string;
      size: bigint;
    };
    if (procedure === 'domainGetXmlDesc')
      return { text: xmlOf(vms.find(domain.uuid), (flags & XML_INACTIVE) !== 0) };
    if (procedure === 'domainAttachDeviceFlags' && flags === AFFECT_LIVE) {
      const device = parseElement(xml);
      vms.attach(vms.running(domain.uuid), device);
      return resized(vms.find(domain.uuid), device.target);
    }
    const result = (answers[procedure] as (...all: unknown[]) => unknown)(args, session);
    if (procedure === 'domainBlockResize') resized(vms.find(domain.uuid), disk, size);
    return result;
  }

  const server = { execute, inJob: vms.run<void>, life: () => life };

  async function open({ events = false, onEvent, signal }: OpenOptions): Promise<LibvirtClient> {
    await delay(chance.delayMs());
    if (state === 'cut') await delay(CONNECT_MS);
    if (signal?.aborted) throw new CallAborted('aborted while connecting', { outcomeUnknown: false });
    if (state === 'cut') throw new Error(`no connection to ${name} within ${CONNECT_MS} ms`);
    if (state === 'dead') throw new Error(`connect ECONNREFUSED ${name}`);
    const connection = connect(server, chance, events);
    connections.add(connection);
    connection.client.onClose(() => connections.delete(connection));
    if (onEvent) connection.client.subscribe(onEvent);
    return connection.client;
  }

  function endAll(reason: string): void {
    for (const connection of connections) connection.end(reason);
    connections.clear();
  }

  return {
    vms,
    open,
    addDomain: settings => domainOf(vms.add({ uuid: newUuid(), ...settings })),
    destroy: one => vms.stop(vms.findByName(one), STOPPED_DESTROYED),
    poweroff: one => vms.end(vms.findByName(one), END.shutdown),
    kill: one => vms.end(vms.findByName(one), END.killed),
    save: one => vms.managedSave(vms.findByName(one)),
    saveToFile: one => vms.saveToFile(vms.findByName(one)),
    restore: saved => domainOf(vms.restore(saved)),
    start: one => vms.start(vms.findByName(one)),
    suspend: one => vms.suspend(vms.findByName(one)),
    resume: one => vms.resume(vms.findByName(one)),
    reset: one => vms.wake(vms.findByName(one)),
    redefine(one) {
      const vm = vms.findByName(one);
      if (isRunning(vm)) vm.coldDisks = vm.disks.map(disk => ({ ...disk }));
      vms.tell(vm, vm.persistent ? 'definedUpdated' : 'definedAdded');
      vm.persistent = true;
    },
    migrate: (one, to, options = {}) => fakeMigration(vms, to.vms, vms.findByName(one), options),
    hold: one => vms.hold(vms.findByName(one).uuid),
    setManners(one, manners) {
      vms.findByName(one).manners = manners;
    },
    release: (one, alias) => vms.letGo(vms.findByName(one), alias),
    dropConnections: () => endAll('the connection was reset'),
    async listen() {
      vms.daemonBegins();
      state = 'up';
    },
    async stop() {
      life += 1;
      vms.daemonDied();
      state = 'dead';
      endAll('the connection was reset');
    },
    async cut() {
      state = 'cut';
      for (const connection of connections) {
        connection.hush();
        setTimeout(() => connection.end('no sign of life from libvirt'), chance.random.below(KEEPALIVE_MS));
      }
    },
    powerOff() {
      life += 1;
      for (const vm of vms.all()) if (isRunning(vm)) vms.vanish(vm, 'offUnknown');
      vms.daemonDied();
      state = 'dead';
      for (const connection of connections) {
        connection.hush();
        setTimeout(() => connection.end('no sign of life from libvirt'), chance.random.below(KEEPALIVE_MS));
      }
    },
    forgetAll() {
      for (const vm of vms.all()) vms.forget(vm);
    },
  };
}
