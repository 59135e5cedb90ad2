// libvirt's connection URIs: driver[+transport]://[user@][host][:port]/path[?key=value&…], by the rules of
// libvirt's remote driver (https://libvirt.org/uri.html).
import { Unsupported } from './errors.ts';
import { parametersIn, type SshTarget, sshTargetOf } from './uri-parameters.ts';

/** How a daemon is reached. */
export type Transport = 'unix' | 'tcp' | 'tls' | 'ssh';

/** A parsed URI: where to connect to, and the name for CONNECT_OPEN. */
export interface Target {
  transport: Transport;
  /** The URI sent with CONNECT_OPEN; empty: the daemon chooses its driver. */
  name: string;
  /** Paths of sockets to try in this order, until one exists. unix: here; ssh: on the node. */
  sockets: string[];
  /** tcp, tls, ssh: the host to connect to. */
  host: string;
  port: number;
  /** tls: the folder with cacert.pem, clientcert.pem and clientkey.pem; undefined: libvirt's own places. */
  pkiPath: string | undefined;
  /** A file with the names and passwords for SASL, in the format of libvirt's auth.conf. */
  authFile: string | undefined;
  /** ssh only. */
  ssh: SshTarget | undefined;
}

/** The ports of libvirtd and of sshd, where a URI names none. */
export const DEFAULT_PORTS: Readonly<Record<Transport, number>> = {
  unix: 16_509,
  tcp: 16_509,
  tls: 16_514,
  ssh: 22,
};

/** What every refusal of a transport ends with. */
const SUPPORTED =
  'supported are unix (qemu:///system), tls (qemu+tls://HOST/system), ssh (qemu+ssh://USER@HOST/system) and tcp (qemu+tcp://HOST/system)';

/** A name that resolvers and ssh take for a host and for nothing else, or an IPv6 address. */
const HOST = /^(?:[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_.])?|[0-9a-f:.]*:[0-9a-f:.]*(?:%[a-z0-9_.-]+)?)$/i;

function parse(uri: string): URL {
  try {
    return new URL(uri);
  } catch {
    throw new Unsupported(
      `${JSON.stringify(uri)} is not a URI of libvirt, as qemu:///system is; ${SUPPORTED}`,
    );
  }
}

function transportOf(url: URL, uri: string): Transport {
  // As for libvirt's own client, a host without a transport means TLS.
  const transport = /\+(.*):$/.exec(url.protocol)?.[1] ?? (url.hostname === '' ? 'unix' : 'tls');
  switch (transport) {
    case 'unix':
      if (url.hostname !== '') {
        throw new Unsupported(`${uri}: the unix transport has no host; ${SUPPORTED}`);
      }
      return 'unix';
    case 'tcp':
      return 'tcp';
    case 'tls':
    case 'ssh':
      if (url.hostname === '') throw new Unsupported(`${uri}: the transport ${transport} needs a host`);
      return transport;
    case 'libssh':
    case 'libssh2':
    case 'ext':
      throw new Unsupported(`${uri}: transport ${transport} is not supported; ${SUPPORTED}`);
    default:
      throw new Unsupported(`${uri}: unknown transport ${transport}; ${SUPPORTED}`);
  }
}

function socketsOf(driver: string, directory: string, mode: string, uri: string): string[] {
  const modular = `${directory}/virt${driver}d-sock`;
  const legacy = `${directory}/libvirt-sock`;
  switch (mode) {
    case 'auto':
      return driver === 'remote' ? [legacy] : [modular, legacy];
    case 'legacy':
      return [legacy];
    case 'direct':
      return [modular];
    default:
      throw new Unsupported(`${uri}: mode=${mode}; allowed are auto, legacy and direct`);
  }
}

const SYSTEM_DIRECTORY = '/var/run/libvirt';
const sessionDirectory = (): string =>
  `${process.env.XDG_RUNTIME_DIR ?? `${process.env.HOME ?? ''}/.cache`}/libvirt`;

function hostOf(url: URL, uri: string): string {
  if (url.hostname === '') return 'localhost';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (!HOST.test(host)) throw new Unsupported(`${uri}: ${JSON.stringify(host)} is no host name`);
  return host;
}

/**
 * Parses a libvirt URI. Throws Unsupported, with a sentence that says what is wrong, for every URI that this
 * client cannot connect to. No file is read.
 */
export function parseUri(uri: string): Target {
  const url = parse(uri);
  const driver = url.protocol.replace(/(\+.*)?:$/, '');
  const transport = transportOf(url, uri);
  if (!/^[a-z0-9]+$/.test(driver)) throw new Unsupported(`${uri}: no driver named ${driver}`);
  if (url.password !== '')
    throw new Unsupported(`${uri}: a URI has no password; authfile= names a file with it`);
  if (url.username !== '' && transport !== 'ssh') {
    throw new Unsupported(`${uri}: users are for the ssh transport; the name for SASL is in the authfile`);
  }
  if (url.hash !== '') throw new Unsupported(`${uri}: a URI of libvirt has no fragment`);

  const { known, rest } = parametersIn(url.search, transport, uri);
  const mode = known.get('mode')?.toLowerCase() ?? 'auto';
  if (mode === 'direct' && transport !== 'unix') {
    throw new Unsupported(`${uri}: mode=direct is for the unix transport only`);
  }
  const name = known.get('name') ?? (driver === 'remote' ? '' : `${driver}://${url.pathname}${rest}`);
  const socket = known.get('socket');
  const isSession = url.pathname === '/session';
  // Nobody here knows where the session of a user on another node has its socket; virt-ssh-helper does.
  const isElsewhere = isSession && transport === 'ssh';
  const directory = isSession ? sessionDirectory() : SYSTEM_DIRECTORY;
  const sockets = isElsewhere ? [] : socketsOf(driver, directory, mode, uri);
  return {
    transport,
    name,
    sockets: socket === undefined ? sockets : [socket],
    host: hostOf(url, uri),
    port: url.port === '' ? DEFAULT_PORTS[transport] : Number(url.port),
    pkiPath: known.get('pkipath'),
    authFile: known.get('authfile'),
    ssh: transport === 'ssh' ? sshTargetOf(url, known, uri) : undefined,
  };
}
