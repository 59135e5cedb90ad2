// A libvirtd without QEMU: it speaks the real protocol on a unix socket, TCP or TLS, its VMs are in memory,
// and it fails on request. test/libvirt runs one suite against it and against a real libvirtd.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { STOPPED_DESTROYED } from '../../src/libvirt/constants.ts';
import type { Domain, DomainEvent } from '../../src/libvirt/domain.ts';
import type { KeepaliveSettings } from '../../src/libvirt/keepalive.ts';
import { type Auth, fakeAnswers } from './libvirtd/answers.ts';
import { type Faults, noFaults, type ProcedureName } from './libvirtd/faults.ts';
import { END } from './libvirtd/lifecycle.ts';
import { fakeMigration, type Migration, type MigrationOptions } from './libvirtd/migration.ts';
import { type Session, serve } from './libvirtd/session.ts';
import { domainOf, type FakeVm, type FakeVmSettings, type Manners, type SavedVm } from './libvirtd/vm.ts';
import { type FakeVms, fakeVms } from './libvirtd/vms.ts';

/** The settings of a fake's TLS. Clients must show certificates of its CA. */
export interface FakeTls {
  /** The folder with server-cert.pem, server-key.pem and cacert.pem, as `Pki.server` makes it. */
  readonly pki: string;
  /** As tls_allowed_dn_list: the common name that is accepted; default all. */
  readonly allowed?: string;
  /** The byte after the handshake; default 1, as libvirtd sends it. undefined: none, it stops there. */
  readonly verdict?: number | undefined;
}

/** The settings of a fake libvirtd. */
export interface FakeLibvirtdOptions {
  /** Path of a unix socket. One of `unix` and `tcp` must be given; both may be. */
  unix?: string;
  /** Port on 127.0.0.1; 0: a free one. */
  tcp?: number;
  /** Listens for TLS on a free port of 127.0.0.1. */
  tls?: FakeTls;
  /** Default none. */
  auth?: Auth;
  /** The host UUID in the capabilities; default random, and not changed by a restart. */
  hostUuid?: string;
  hostname?: string;
  /** How long a willing guest takes to release a device; default 5 ms. */
  unplugMs?: number;
  /** Default: a PING after 5 s of silence, dead after 5 unanswered ones. */
  keepalive?: KeepaliveSettings;
  /**
   * Whether QEMU locks its images; default true. A storage that several hosts share may have no such locks.
   */
  locks?: boolean;
}

/** One call that was received. */
interface SeenCall {
  procedure: ProcedureName;
  args: unknown;
}

/** A running fake libvirtd. `name` is always the name of a domain; a method throws if there is none. */
export interface FakeLibvirtd {
  /** URI of the unix socket if there is one, else of the TCP port. */
  readonly uri: string;
  readonly tcpUri: string | undefined;
  /** The port of the TLS listener, if there is one. */
  readonly tlsPort: number | undefined;
  /** The host UUID in the capabilities. */
  readonly hostUuid: string;
  readonly faults: Faults;
  /**
   * Every call since the start, including refused ones, without those that a fault stopped before execution.
   */
  readonly calls: readonly SeenCall[];
  /** Connections open now, and opened since the start. */
  readonly connections: { readonly open: number; readonly made: number };
  /** Highest number of unanswered calls of one connection. */
  readonly mostUnanswered: number;
  addDomain(settings: FakeVmSettings): Domain;
  /** The VM, to be read and changed; throws if there is none. */
  domain(name: string): FakeVm;
  /** As `virsh destroy`, or ends the VM with another STOPPED_ detail. */
  destroy(name: string, detail?: number): void;
  /** The guest switches itself off. */
  poweroff(name: string): void;
  /** QEMU is killed. */
  kill(name: string): void;
  /** As `virsh managedsave`. */
  save(name: string): void;
  /** As `virsh save`: into a file, of which libvirt keeps no record. */
  saveToFile(name: string): SavedVm;
  /** As `virsh restore`, on the same or on another host. */
  restore(saved: SavedVm): Domain;
  start(name: string): void;
  suspend(name: string): void;
  resume(name: string): void;
  reset(name: string): void;
  /** As `virsh dumpxml | virsh define`: the live XML becomes the definition. */
  redefine(name: string): void;
  snapshot(name: string): void;
  /** Reverts the VM to its snapshot. */
  revert(name: string): void;
  /** The VM has migrated to a host that is not simulated. */
  migrateAway(name: string): void;
  /**
   * Begins a live migration to another fake; the returned object continues it step by step, or lets it fail.
   */
  migrate(name: string, to: { readonly vms: FakeVms }, options?: MigrationOptions): Migration;
  /** A foreign job holds the domain until the returned function is called: changes wait for it. */
  hold(name: string): () => void;
  /** How many changes of a domain wait for a job. */
  waiting(name: string): number;
  setManners(name: string, manners: Manners): void;
  /** The guest releases a device that it was asked for and had kept. */
  release(name: string, alias: string): void;
  /** Sends any event to every client. */
  emit(event: DomainEvent): void;
  /** Cuts every connection; new ones are accepted. */
  dropConnections(): void;
  /** Listens again after `stop` or `cut`, on the same address, with the same VMs. */
  listen(): Promise<void>;
  /**
   * Cuts every connection and stops listening, as when libvirtd is killed; the VMs run on. Calls that waited
   * are never executed. After `listen`, the new libvirtd does not know why a VM stopped before, and counts
   * its ids anew.
   */
  stop(): Promise<void>;
  /** Cuts every connection and stops listening, but libvirtd runs on and executes the calls that wait. */
  cut(): Promise<void>;
  /** The VMs of this host, for the migration from another one. */
  readonly vms: FakeVms;
}

async function listening(accept: (socket: Socket) => void, where: ListenOptions): Promise<Server> {
  const server = createServer(accept).listen(where);
  await once(server, 'listening');
  return server;
}

/**
 * Listens for TLS as libvirtd does: it verifies the client's certificate after the handshake, ends the
 * connection without a word if it refuses it, and else sends one byte.
 */
async function listeningTls(
  accept: (socket: Socket) => void,
  settings: FakeTls,
  port: number,
): Promise<Server> {
  const [cert, key, ca] = await Promise.all(
    ['server-cert.pem', 'server-key.pem', 'cacert.pem'].map(name => readFile(join(settings.pki, name))),
  );
  const options = { cert, key, ca, requestCert: true, rejectUnauthorized: false };
  const server = createTlsServer(options, (socket: TLSSocket) => {
    socket.on('error', () => socket.destroy());
    const name = socket.getPeerCertificate().subject?.CN;
    if (!socket.authorized || (settings.allowed !== undefined && name !== settings.allowed)) {
      socket.end();
      return;
    }
    const verdict = 'verdict' in settings ? settings.verdict : 1;
    if (verdict === undefined) return;
    socket.write(Buffer.of(verdict));
    accept(socket);
  });
  server.listen({ port, host: '127.0.0.1' });
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

/** Starts a fake libvirtd; resolves when it listens. */
export async function startFakeLibvirtd(options: FakeLibvirtdOptions): Promise<FakeLibvirtd> {
  const hostUuid = options.hostUuid ?? randomUUID();
  const faults = noFaults();
  const calls: SeenCall[] = [];
  const sessions = new Map<Socket, Session>();
  const connections = { open: 0, made: 0 };
  let mostUnanswered = 0;
  const servers: Server[] = [];
  let port = options.tcp;
  let tlsPort = options.tls && 0;
  let life = 1;

  function emit(event: DomainEvent): void {
    for (const session of sessions.values()) session.send(event);
  }
  const vms = fakeVms({
    emit,
    unplugMs: options.unplugMs ?? 5,
    locks: options.locks ?? true,
  });
  const auth = options.auth ?? 'none';
  const answers = fakeAnswers(vms, { auth, hostUuid, hostname: options.hostname ?? 'fake' });

  function accept(socket: Socket): void {
    connections.open += 1;
    connections.made += 1;
    socket.setNoDelay(true);
    const session = serve(socket, {
      answers,
      jobs: vms,
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
    vms.daemonBegins();
    if (options.unix !== undefined) {
      await rm(options.unix, { force: true });
      servers.push(await listening(accept, { path: options.unix }));
    }
    if (port !== undefined) {
      const server = await listening(accept, { port, host: '127.0.0.1' });
      port = portOf(server);
      servers.push(server);
    }
    if (options.tls !== undefined) {
      const server = await listeningTls(accept, options.tls, tlsPort ?? 0);
      tlsPort = portOf(server);
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
    tlsPort,
    hostUuid,
    faults,
    calls,
    connections,
    get mostUnanswered() {
      return mostUnanswered;
    },
    addDomain: settings => domainOf(vms.add(settings)),
    domain: vms.findByName,
    destroy: (name, detail = STOPPED_DESTROYED) => vms.stop(vms.findByName(name), detail),
    poweroff: name => vms.end(vms.findByName(name), END.shutdown),
    kill: name => vms.end(vms.findByName(name), END.killed),
    save: name => vms.managedSave(vms.findByName(name)),
    saveToFile: name => vms.saveToFile(vms.findByName(name)),
    restore: saved => domainOf(vms.restore(saved)),
    start: name => vms.start(vms.findByName(name)),
    suspend: name => vms.suspend(vms.findByName(name)),
    resume: name => vms.resume(vms.findByName(name)),
    reset: name => vms.wake(vms.findByName(name)),
    redefine: name => void vms.define(vms.xml(vms.findByName(name), false)),
    snapshot: name => vms.snapshot(vms.findByName(name)),
    revert: name => vms.revert(vms.findByName(name)),
    migrateAway: name => vms.migrateAway(vms.findByName(name)),
    migrate: (name, to, migration) => fakeMigration(vms, to.vms, vms.findByName(name), migration ?? {}),
    hold: name => vms.hold(vms.findByName(name).uuid),
    waiting: name => vms.waiting(vms.findByName(name).uuid),
    setManners(name, manners) {
      vms.findByName(name).manners = manners;
    },
    release: (name, alias) => vms.letGo(vms.findByName(name), alias),
    emit,
    dropConnections,
    listen,
    async stop() {
      life += 1;
      vms.daemonDied();
      await cut();
    },
    cut,
    vms,
  };
}
