// The parameters of a URI that are for the transport. A parameter that would weaken what is verified, or that
// would have no effect, is refused: whoever wrote it would rely on it.
import { Unsupported } from './errors.ts';
import type { Transport } from './uri.ts';

/** What the ssh transport needs to know besides the host. */
export interface SshTarget {
  /** undefined: as ssh's own configuration says. */
  user: string | undefined;
  /** undefined: as ssh's own configuration says. */
  port: number | undefined;
  /** The path of the private key; undefined: as ssh's own configuration says. */
  keyFile: string | undefined;
  /** The path of the file with the host keys; undefined: as ssh's own configuration says. */
  knownHosts: string | undefined;
  /** The ssh program here. */
  command: string;
  /** The nc program on the node. */
  netcat: string;
  /**
   * What runs on the node: `native`: virt-ssh-helper; `netcat`: nc; `auto`: virt-ssh-helper where it is
   * installed, else nc.
   */
  proxy: 'auto' | 'native' | 'netcat';
}

/**
 * The names, in lower case, of libvirt's parameters for transports. All others are sent with CONNECT_OPEN.
 */
const KNOWN: ReadonlySet<string> = new Set([
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

/** Parameters with an effect, by the transports that they are for. */
const TRANSPORTS: Readonly<Record<string, readonly Transport[]>> = {
  socket: ['unix', 'ssh'],
  pkipath: ['tls'],
  authfile: ['unix', 'tls', 'ssh'],
  keyfile: ['ssh'],
  known_hosts: ['ssh'],
  command: ['ssh'],
  netcat: ['ssh'],
  proxy: ['ssh'],
};

/** Paths of files here: absolute, since the working directory of a service says nothing. */
const PATHS = ['socket', 'pkipath', 'authfile', 'keyfile', 'known_hosts', 'command', 'netcat'] as const;

/** ssh expands and splits some characters in the values of its options. */
const PLAIN_PATH = /^\/[^\p{Cc}"'\\%$]*$/u;

const USER = /^[a-z0-9_][a-z0-9_.-]{0,63}\$?$/i;

const isOn = (value: string | undefined): boolean => value !== undefined && !/^(?:0|no|false)$/i.test(value);

/** Refuses what would switch a check off. */
function demandChecks(known: ReadonlyMap<string, string>, transport: Transport, uri: string): void {
  if (transport !== 'tls' && transport !== 'ssh') return;
  if (isOn(known.get('no_verify'))) {
    throw new Unsupported(`${uri}: no_verify is not supported; the host is always verified`);
  }
  const verify = known.get('known_hosts_verify') ?? 'normal';
  if (verify !== 'normal') {
    throw new Unsupported(
      `${uri}: known_hosts_verify=${verify} is not supported; the host is always verified`,
    );
  }
  if (known.has('tls_priority'))
    throw new Unsupported(`${uri}: tls_priority is not supported; TLS is 1.2 or 1.3`);
}

/**
 * The parameters of a query: those for the transport, by their names in lower case, and the rest as a query.
 * Throws Unsupported, with a sentence, for a parameter that cannot have its effect.
 */
export function parametersIn(
  search: string,
  transport: Transport,
  uri: string,
): { known: ReadonlyMap<string, string>; rest: string } {
  const known = new Map<string, string>();
  const rest: string[] = [];
  for (const part of search.slice(1).split('&')) {
    const [key = '', value = ''] = part.split(/=(.*)/s);
    if (KNOWN.has(key.toLowerCase())) known.set(key.toLowerCase(), decoded(value, uri));
    else if (part !== '') rest.push(part);
  }
  for (const name of known.keys()) {
    const transports = TRANSPORTS[name];
    if (transports && !transports.includes(transport)) {
      throw new Unsupported(`${uri}: ${name}= is for the ${transports.join(' and ')} transport only`);
    }
  }
  for (const name of PATHS) {
    const path = known.get(name);
    // Programs are found by their names, too.
    const isProgram =
      (name === 'command' || name === 'netcat') && /^[a-z0-9_][a-z0-9_.-]*$/i.test(path ?? '');
    if (path !== undefined && !isProgram && !PLAIN_PATH.test(path)) {
      const why = path.startsWith('/') ? 'without quotes, \\, % and $' : 'that is absolute';
      throw new Unsupported(`${uri}: ${name}= must be a path ${why}`);
    }
  }
  demandChecks(known, transport, uri);
  return { known, rest: rest.length === 0 ? '' : `?${rest.join('&')}` };
}

/** What a URI says for the ssh transport. Throws Unsupported. */
export function sshTargetOf(url: URL, known: ReadonlyMap<string, string>, uri: string): SshTarget {
  const user = url.username === '' ? undefined : decoded(url.username, uri);
  if (user !== undefined && !USER.test(user)) {
    throw new Unsupported(`${uri}: ${JSON.stringify(user)} is no user name for ssh`);
  }
  const proxy = known.get('proxy') ?? (known.has('socket') || known.has('netcat') ? 'netcat' : 'auto');
  if (proxy !== 'auto' && proxy !== 'native' && proxy !== 'netcat') {
    throw new Unsupported(`${uri}: proxy=${proxy}; allowed are auto, native and netcat`);
  }
  if (url.pathname === '/session' && proxy === 'netcat' && !known.has('socket')) {
    throw new Unsupported(`${uri}: nc reaches a session by its socket only; add socket=`);
  }
  return {
    user,
    port: url.port === '' ? undefined : Number(url.port),
    keyFile: known.get('keyfile'),
    knownHosts: known.get('known_hosts'),
    command: known.get('command') ?? 'ssh',
    netcat: known.get('netcat') ?? 'nc',
    proxy,
  };
}

function decoded(value: string, uri: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw new Unsupported(`${uri}: ${value} is not percent-encoded text`);
  }
}
