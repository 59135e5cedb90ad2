// libvirt's connection URIs: driver[+transport]://[user@][host][:port]/path[?key=value&…], by the rules of
// libvirt's remote driver (https://libvirt.org/uri.html).
import { Unsupported } from './errors.ts';

/** A parsed URI: where to connect to, and the name for CONNECT_OPEN. */
export interface Target {
  transport: 'unix' | 'tcp';
  /** The URI sent with CONNECT_OPEN; empty: the daemon chooses its driver. */
  name: string;
  /** unix: paths of sockets to try in this order, until one exists. */
  sockets: string[];
  /** tcp: the host to connect to. */
  host: string;
  port: number;
}

const TCP_PORT = 16_509;

/** Names (in lower case) of parameters for the transport. All other parameters are sent with CONNECT_OPEN. */
const TRANSPORT_PARAMETERS = new Set([
  'name',
  'command',
  'socket',
  'auth',
  'sshauth',
  'netcat',
  'keyfile',
  'pkipath',
  'known_hosts',
  'known_hosts_verify',
  'tls_priority',
  'mode',
  'proxy',
  'no_sanity',
  'no_verify',
  'no_tty',
  'authfile',
]);

function parse(uri: string): URL {
  try {
    return new URL(uri);
  } catch {
    throw new Unsupported(`${JSON.stringify(uri)} is not a URI`);
  }
}

function transportOf(url: URL, uri: string): 'unix' | 'tcp' {
  const transport = /\+(.*):$/.exec(url.protocol)?.[1] ?? (url.hostname === '' ? 'unix' : 'tls');
  switch (transport) {
    case 'unix':
      if (url.hostname !== '') {
        throw new Unsupported(`${uri}: the unix transport has no host; qemu+tcp:// reaches another host`);
      }
      return 'unix';
    case 'tcp':
      return 'tcp';
    case 'tls':
    case 'ssh':
    case 'libssh':
    case 'libssh2':
    case 'ext':
      throw new Unsupported(`${uri}: transport ${transport} is not supported; unix and tcp are`);
    default:
      throw new Unsupported(`${uri}: unknown transport ${transport}; unix and tcp are supported`);
  }
}

function socketsOf(driver: string, session: boolean, mode: string, uri: string): string[] {
  const directory = session
    ? `${process.env.XDG_RUNTIME_DIR ?? `${process.env.HOME ?? ''}/.cache`}/libvirt`
    : '/var/run/libvirt';
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

/**
 * Parses a libvirt URI. Throws Unsupported, with a sentence that says what is wrong, for every URI that this
 * client cannot connect to.
 */
export function parseUri(uri: string): Target {
  const url = parse(uri);
  const driver = url.protocol.replace(/(\+.*)?:$/, '');
  const transport = transportOf(url, uri);
  if (!/^[a-z0-9]+$/.test(driver)) throw new Unsupported(`${uri}: no driver named ${driver}`);
  if (url.password !== '' || url.username !== '') {
    throw new Unsupported(`${uri}: users are for the ssh transport, which is not supported`);
  }
  if (url.hash !== '') throw new Unsupported(`${uri}: a URI of libvirt has no fragment`);

  const consumed = new Map<string, string>();
  const kept: string[] = [];
  for (const part of url.search.slice(1).split('&')) {
    const [key = '', value = ''] = part.split(/=(.*)/s);
    if (TRANSPORT_PARAMETERS.has(key.toLowerCase())) consumed.set(key.toLowerCase(), decoded(value, uri));
    else if (part !== '') kept.push(part);
  }
  const mode = consumed.get('mode')?.toLowerCase() ?? 'auto';
  if (mode === 'direct' && transport !== 'unix') {
    throw new Unsupported(`${uri}: mode=direct is for the unix transport only`);
  }
  const query = kept.length === 0 ? '' : `?${kept.join('&')}`;
  const name = consumed.get('name') ?? (driver === 'remote' ? '' : `${driver}://${url.pathname}${query}`);
  const socket = consumed.get('socket');
  if (socket !== undefined && transport === 'tcp') {
    throw new Unsupported(`${uri}: socket= is for the unix transport only`);
  }
  return {
    transport,
    name,
    sockets: socket === undefined ? socketsOf(driver, url.pathname === '/session', mode, uri) : [socket],
    host: url.hostname === '' ? 'localhost' : url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? TCP_PORT : Number(url.port),
  };
}

function decoded(value: string, uri: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw new Unsupported(`${uri}: ${value} is not percent-encoded text`);
  }
}
