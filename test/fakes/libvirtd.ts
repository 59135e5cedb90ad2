// A libvirtd without QEMU: it speaks the real protocol on a unix socket or TCP, its machines are in memory, and it fails
// on request. test/libvirt runs one suite against it and against the real one.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { STOPPED_DESTROYED } from '../../src/libvirt/constants.ts';
import type { Domain, DomainEvent } from '../../src/libvirt/domain.ts';
import type { KeepaliveSettings } from '../../src/libvirt/keepalive.ts';
import { type Auth, fakeAnswers } from './libvirtd/answers.ts';
import { type Faults, noFaults, type ProcedureName } from './libvirtd/faults.ts';
import { END } from './libvirtd/lifecycle.ts';
import {
  domainOf,
  type FakeVm,
  type FakeVmSettings,
  type Manners,
  type SavedVm,
} from './libvirtd/vm.ts';
import { fakeVms, type FakeVms } from './libvirtd/vms.ts';
import { fakeMigration, type Migration, type MigrationOptions } from './libvirtd/migration.ts';
import { type Session, serve } from './libvirtd/session.ts';

export interface FakeLibvirtdOptions {
  /** Path of a unix socket. One of `unix` and `tcp` must be given; both may be. */
  unix?: string;
  /** Port on 127.0.0.1; 0: a free one. */
  tcp?: number;
  /** Default none. */
  auth?: Auth;
  /** What the capabilities call the host; default random, the same over restarts. */
  hostUuid?: string;
  hostname?: string;
  /** How long a willing guest takes to let go of a device; default 5 ms. */
  unplugMs?: number;
  /** Default every 5 s, dead after 5. */
  keepalive?: KeepaliveSettings;
  /** Whether QEMU's lock keeps an image from two machines; default true. A storage of many hosts may have no such locks. */
  locks?: boolean;
}

/** One call that arrived. */
export interface SeenCall {
  procedure: ProcedureName;
  args: unknown;
}

export interface FakeLibvirtd {
  /** Of the unix socket if there is one, else by TCP. */
  readonly uri: string;
  readonly tcpUri: string | undefined;
  /** What the capabilities call the host. */
  readonly hostUuid: string;
  readonly faults: Faults;
  /** Every call since the start, refused ones included, ones that met a fault before execution not. */
  readonly calls: readonly SeenCall[];
  /** Connections open now, and made since the start. */
  readonly connections: { readonly open: number; readonly made: number };
  /** Most calls that one connection had waiting at once. */
  readonly mostUnanswered: number;
  addDomain(settings: FakeVmSettings): Domain;
  /** The machine itself, to look at and to change; throws if there is none. */
  domain(name: string): FakeVm;
  /** Pulls the plug, as `virsh destroy`, or ends it with another STOPPED_ detail. */
  destroy(name: string, detail?: number): void;
  /** The guest has switched itself off. */
  poweroff(name: string): void;
  /** QEMU is killed. */
  kill(name: string): void;
  /** Managed save. */
  save(name: string): void;
  /** `virsh save`: in a file, of which libvirt remembers nothing. */
  saveToFile(name: string): SavedVm;
  /** `virsh restore`, on the host where it was saved or on another. */
  restore(saved: SavedVm): Domain;
  start(name: string): void;
  suspend(name: string): void;
  resume(name: string): void;
  reset(name: string): void;
  /** `virsh dumpxml | virsh define`: what it runs with is its definition from now on. */
  redefine(name: string): void;
  snapshot(name: string): void;
  /** Back to its snapshot. */
  revert(name: string): void;
  /** Gone to another host. */
  migrateAway(name: string): void;
  /** Begins its live migration to another fake; the answer takes it further, or ends it. */
  migrate(name: string, to: FakeLibvirtd, options?: MigrationOptions): Migration;
  /** Somebody's job holds the domain until what this returns is called: changes wait for it. */
  hold(name: string): () => void;
  /** How many changes of a domain wait for somebody's job. */
  waiting(name: string): number;
  setManners(name: string, manners: Manners): void;
  /** The guest lets go of what it was asked for and had kept. */
  release(name: string, alias: string): void;
  /** Sends an event of your own making to every client. */
  emit(event: DomainEvent): void;
  /** Cuts every connection; new ones are welcome. */
  dropConnections(): void;
  /** Listens again after `stop` or `cut`, on the same address, with the same machines. */
  listen(): Promise<void>;
  /**
   * Cuts every connection and stops listening, as the death of libvirtd does; the machines live on. The next one knows why none of
   * them stopped, calls that waited in this one are not made, and it counts runs anew.
   */
  stop(): Promise<void>;
  /** Cuts every connection and lets none in, while libvirtd goes on and makes the calls that wait in it. */
  cut(): Promise<void>;
  /** What is in this host, for another one. */
  readonly vms: FakeVms;
}

async function listening(accept: (socket: Socket) => void, where: ListenOptions): Promise<Server> {
  const server = createServer(accept).listen(where);
  await once(server, 'listening');
  return server;
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('not a TCP server');
  return address.port;
}

/** A fake that listens. */
export async function startFakeLibvirtd(options: FakeLibvirtdOptions): Promise<FakeLibvirtd> {
  const hostUuid = options.hostUuid ?? randomUUID();
  const faults = noFaults();
  const calls: SeenCall[] = [];
  const sessions = new Map<Socket, Session>();
  const connections = { open: 0, made: 0 };
  let mostUnanswered = 0;
  const servers: Server[] = [];
  let port = options.tcp;
  let life = 1;

  function emit(event: DomainEvent): void {
    for (const session of sessions.values()) session.send(event);
  }
  const machines = fakeVms({
    emit,
    unplugMs: options.unplugMs ?? 5,
    locks: options.locks ?? true,
  });
  const auth = options.auth ?? 'none';
  const answers = fakeAnswers(machines, { auth, hostUuid, hostname: options.hostname ?? 'fake' });

  function accept(socket: Socket): void {
    connections.open += 1;
    connections.made += 1;
    socket.setNoDelay(true);
    const session = serve(socket, {
      answers,
      jobs: machines,
      life: () => life,
      faults,
      authNeeded: auth !== 'none',
      keepalive: options.keepalive ?? { intervalMs: 5000, count: 5 },
      onCall(procedure, args, unanswered) {
        calls.push({ procedure, args });
        mostUnanswered = Math.max(mostUnanswered, unanswered);
      },
    });
    sessions.set(socket, session);
    socket.on('close', () => {
      connections.open -= 1;
      sessions.delete(socket);
    });
  }

  async function listen(): Promise<void> {
    machines.daemonBegins();
    if (options.unix !== undefined) {
      await rm(options.unix, { force: true });
      servers.push(await listening(accept, { path: options.unix }));
    }
    if (port !== undefined) {
      const server = await listening(accept, { port, host: '127.0.0.1' });
      port = portOf(server);
      servers.push(server);
    }
  }

  function dropConnections(): void {
    for (const socket of sessions.keys()) socket.destroy();
  }

  async function cut(): Promise<void> {
    dropConnections();
    await Promise.all(servers.splice(0).map(close));
  }

  await listen();
  const tcpUri = port === undefined ? undefined : `qemu+tcp://127.0.0.1:${port}/system`;
  const unixUri = `qemu:///system?socket=${encodeURIComponent(options.unix ?? '')}`;
  return {
    uri: options.unix === undefined && tcpUri !== undefined ? tcpUri : unixUri,
    tcpUri,
    hostUuid,
    faults,
    calls,
    connections,
    get mostUnanswered() {
      return mostUnanswered;
    },
    addDomain: settings => domainOf(machines.add(settings)),
    domain: machines.findByName,
    destroy: (name, detail = STOPPED_DESTROYED) => machines.stop(machines.findByName(name), detail),
    poweroff: name => machines.end(machines.findByName(name), END.shutdown),
    kill: name => machines.end(machines.findByName(name), END.killed),
    save: name => machines.managedSave(machines.findByName(name)),
    saveToFile: name => machines.saveToFile(machines.findByName(name)),
    restore: saved => domainOf(machines.restore(saved)),
    start: name => machines.start(machines.findByName(name)),
    suspend: name => machines.suspend(machines.findByName(name)),
    resume: name => machines.resume(machines.findByName(name)),
    reset: name => machines.wake(machines.findByName(name)),
    redefine: name => void machines.define(machines.xml(machines.findByName(name), false)),
    snapshot: name => machines.snapshot(machines.findByName(name)),
    revert: name => machines.revert(machines.findByName(name)),
    migrateAway: name => machines.migrateAway(machines.findByName(name)),
    migrate: (name, to, migration) =>
      fakeMigration(machines, to.vms, machines.findByName(name), migration ?? {}),
    hold: name => machines.hold(machines.findByName(name).uuid),
    waiting: name => machines.waiting(machines.findByName(name).uuid),
    setManners(name, manners) {
      machines.findByName(name).manners = manners;
    },
    release: (name, alias) => machines.letGo(machines.findByName(name), alias),
    emit,
    dropConnections,
    listen,
    async stop() {
      life += 1;
      machines.daemonDied();
      await cut();
    },
    cut,
    vms,
  };
}
