import { isIP, isIPv6 } from 'node:net';
import { z } from 'zod';
import { parseUri } from '../libvirt/uri.ts';
import { isNodeName, normalNodeName } from './node-name.ts';
import { parsePool } from './pool-place.ts';

/** What the help and the README tell of a setting besides its schema. */
interface About {
  readonly env: string;
  /** The default as shown in a table, in Markdown. */
  readonly default: string;
  /** Completes the sentence "NAME must be …". */
  readonly allowed: string;
}

const about = new Map<z.ZodType, About & { description: string }>();

function setting<T extends z.ZodType>(schema: T, facts: About & { description: string }): T {
  about.set(schema, facts);
  return schema;
}

const longest = 86_400;
const seconds = (initial: number) => z.number().gt(0).max(longest).default(initial);
const allowedSeconds = `a number of seconds above 0, at most ${longest}`;

const quota = () => z.union([z.literal('none'), z.number().int().min(0)]).default('none');
const allowedQuota = "a whole number from 0 up, or 'none'";

const ADDRESS = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[A-Za-z0-9.-]+)):(?<port>\d{1,5})$/;

function parseAddress(text: string): { host: string; port: number } | undefined {
  const groups = ADDRESS.exec(text)?.groups;
  const host = groups?.v6 ?? groups?.host;
  const port = Number(groups?.port);
  if (host === undefined || port > 65_535) return undefined;
  return (groups?.v6 === undefined ? isNodeName(host) : isIPv6(host)) ? { host, port } : undefined;
}

/** A schema that parses a text; undefined from `parse` means that the text is not allowed. */
const parsed = <Value>(parse: (text: string) => Value | undefined) =>
  z.string().transform((text, context) => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.issues.push({ code: 'custom', input: text, message: 'not what is allowed' });
    return z.NEVER;
  });

/** Whether a text is the origin of a web page, in the form that browsers send. */
const isOrigin = (text: string): boolean =>
  /^https?:\/\//i.test(text) && URL.canParse(text) && new URL(text).origin === text.toLowerCase();

/** Whether a text is an IP address or a network in CIDR notation. */
function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const most = isIP(address) === 6 ? 128 : 32;
  const isPrefix = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
  return isIP(address) !== 0 && !address.includes('%') && isPrefix && rest.length === 0;
}

const LOCAL_URI = 'qemu:///system';
const PATHS: ReadonlySet<string> = new Set(['qemu:///system', 'qemu:///session']);

/** Why a text is no URI of a node; undefined: it is one. */
function whyNoUri(uri: string): string | undefined {
  try {
    const { name } = parseUri(uri.replaceAll('{node}', 'node'));
    return PATHS.has(name.replace(/\?.*/s, ''))
      ? undefined
      : `the URI of a node is for qemu and its path is /system`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const nodes = z.record(z.string(), z.string()).superRefine((map, context) => {
  const seen = new Set<string>();
  for (const [name, uri] of Object.entries(map)) {
    const normal = normalNodeName(name);
    const isName = name === '*' || isNodeName(name);
    const nameFits = name === '*' ? uri.includes('{node}') : isName && !uri.includes('{node}');
    const why = isName
      ? whyNoUri(uri)
      : `'${name}' is no host name: letters, digits, hyphens and underscores between dots`;
    if (!nameFits || why !== undefined || seen.has(normal)) {
      context.addIssue({
        code: 'custom',
        path: [name],
        message: 'not a node',
        params: why === undefined ? {} : { why },
      });
    }
    seen.add(normal);
  }
});

/** Every setting, in the order of the help. The schema's keys are the names in the configuration file. */
export const settings = z.strictObject({
  listen: setting(parsed(parseAddress).prefault('127.0.0.1:8445'), {
    env: 'PDISK_LISTEN',
    default: '`127.0.0.1:8445`',
    allowed: "HOST:PORT, PORT at most 65535, an IPv6 address in brackets ('[::1]:8445')",
    description: 'Where HTTP is served. Port 0 takes a free one.',
  }),
  tls_certificate: setting(z.string().min(1).optional(), {
    env: 'PDISK_TLS_CERTIFICATE',
    default: '',
    allowed: 'the path of a PEM file',
    description:
      'The certificate chain of HTTPS. SIGHUP reads it and the key again; a bad pair is refused and the old one kept.',
  }),
  tls_key: setting(z.string().min(1).optional(), {
    env: 'PDISK_TLS_KEY',
    default: '',
    allowed: 'the path of a PEM file',
    description: 'The key of the certificate.',
  }),
  insecure: setting(z.boolean().default(false), {
    env: 'PDISK_INSECURE',
    default: '`false`',
    allowed: 'true or false',
    description:
      'Whether to serve beyond this computer without TLS, where everybody on the way can read passwords.',
  }),
  host_names: setting(z.array(z.string().refine(isNodeName)).default([]), {
    env: 'PDISK_HOST_NAMES',
    default: '`[]`',
    allowed: 'a list of host names',
    description:
      'Further names, besides `localhost` and loopback addresses, that a service on a loopback address accepts in the Host header (a guard against DNS rebinding).',
  }),
  allowed_origins: setting(z.array(z.string().refine(isOrigin)).default([]), {
    env: 'PDISK_ALLOWED_ORIGINS',
    default: '`[]`',
    allowed: "a list of origins, as ['https://console.example']",
    description:
      'The other origins whose pages may use the API in a browser (CORS), with credentials that they send themselves.',
  }),
  trusted_proxies: setting(z.array(z.string().refine(isNetwork)).default([]), {
    env: 'PDISK_TRUSTED_PROXIES',
    default: '`[]`',
    allowed: "a list of IP addresses and networks, as ['127.0.0.1', '10.0.0.0/8']",
    description:
      'The proxies whose `X-Forwarded-For` is trusted: the address in it is then the client for the limit of wrong logins, for `metrics_access` and in the log.',
  }),
  max_connections: setting(z.number().int().min(1).default(20_000), {
    env: 'PDISK_MAX_CONNECTIONS',
    default: '`20000`',
    allowed: 'a whole number from 1 up',
    description:
      'How many connections may be open; beyond that, new ones are closed at once. Fewer where the limit of open files is lower.',
  }),
  max_requests: setting(z.number().int().min(1).default(2000), {
    env: 'PDISK_MAX_REQUESTS',
    default: '`2000`',
    allowed: 'a whole number from 1 up',
    description: 'How many requests may be in progress; further ones are answered 503.',
  }),
  data_dir: setting(z.string().min(1).default('./data'), {
    env: 'PDISK_DATA_DIR',
    default: '`./data`',
    allowed: 'the path of a directory',
    description:
      'Where pdisk keeps its database, the files `head`, `reserve`, `owner` and `admin-password`, and the socket `control`; relative to the working directory. Nobody else should be able to read or write there.',
  }),
  pool: setting(parsed(parsePool).optional(), {
    env: 'PDISK_POOL',
    default: '`file:<data_dir>/pool`',
    allowed: 'file:DIR, lvm:VG or lvm:VG/THINPOOL',
    description:
      'Where volumes live. `file:DIR`: sparse images in a directory. `lvm:VG`: logical volumes in a volume group; `lvm:VG/THINPOOL`: in a thin pool.',
  }),
  overcommit: setting(z.number().gt(0).max(10_000).default(1), {
    env: 'PDISK_OVERCOMMIT',
    default: '`1.0`',
    allowed: 'a number above 0, at most 10000',
    description: 'How much may be promised to disks, as a multiple of the size of the pool.',
  }),
  wipe: setting(z.enum(['zero', 'discard', 'none']).default('zero'), {
    env: 'PDISK_WIPE',
    default: '`zero`',
    allowed: 'zero, discard or none',
    description:
      'What happens to the data of a deleted disk in a volume group. `zero`: overwritten before the space is used again. `discard`: discarded, where the device can; only for devices whose discarded blocks read as zeros. `none`: the next disk may expose old data. Files and thin pools need no wiping.',
  }),
  wipe_rate: setting(z.number().gt(0).max(100_000).optional(), {
    env: 'PDISK_WIPE_RATE',
    default: 'no limit',
    allowed: 'a number of MiB per second above 0, at most 100000',
    description: 'How fast deleted disks are wiped, all together, in MiB per second.',
  }),
  user_limit: setting(z.number().int().min(1).default(1), {
    env: 'PDISK_USER_LIMIT',
    default: '`1`',
    allowed: 'a whole number from 1 up',
    description: 'How many VMs may use one disk at once; copied into each disk when it is made.',
  }),
  quota_disks: setting(quota(), {
    env: 'PDISK_QUOTA_DISKS',
    default: '`none`',
    allowed: allowedQuota,
    description: 'How many disks an account may have, where no administrator has set another quota.',
  }),
  quota_size: setting(quota(), {
    env: 'PDISK_QUOTA_SIZE',
    default: '`none`',
    allowed: allowedQuota,
    description:
      'How many GiB the disks of an account may have together, where no administrator has set another quota.',
  }),
  nodes: setting(nodes.optional(), {
    env: 'PDISK_NODES',
    default: `\`localhost\` and this host's name: \`${LOCAL_URI}\``,
    allowed:
      "a map from node names to libvirt URIs (qemu:///system, qemu+tls://HOST/system, qemu+ssh://USER@HOST/system, qemu+tcp://HOST/system); only the name '*' has {node} in its URI",
    description:
      'The hypervisors, by the names used in requests. The name `*` stands for every other node; its URI holds `{node}`. SIGHUP reads it again.',
  }),
  insecure_nodes: setting(z.boolean().default(false), {
    env: 'PDISK_INSECURE_NODES',
    default: '`false`',
    allowed: 'true or false',
    description:
      'Whether nodes beyond this computer may be reached by `qemu+tcp`, where everybody on the way can read and change what libvirt is told.',
  }),
  vm_names: setting(z.array(z.string().includes('{vm_id}')).min(1).default(['{vm_id}', 'one-{vm_id}']), {
    env: 'PDISK_VM_NAMES',
    default: '`["{vm_id}", "one-{vm_id}"]`',
    allowed: 'a list of domain names that contain {vm_id}',
    description: 'Which libvirt domains a `vm_id` may mean. OpenNebula names its domains `one-ID`.',
  }),
  vm_access: setting(z.enum(['any', 'service']).default('any'), {
    env: 'PDISK_VM_ACCESS',
    default: '`any`',
    allowed: "'any' or 'service'",
    description:
      'Which VMs an account of role `user` may attach disks to, hot or cold: `any`, or none (`service`), so that only the frontend does.',
  }),
  attach_timeout: setting(seconds(30), {
    env: 'PDISK_ATTACH_TIMEOUT',
    default: '`30`',
    allowed: allowedSeconds,
    description: 'Seconds that plugging a disk into a VM may take.',
  }),
  detach_timeout: setting(seconds(30), {
    env: 'PDISK_DETACH_TIMEOUT',
    default: '`30`',
    allowed: allowedSeconds,
    description: 'Seconds that a guest has to release a disk.',
  }),
  create_timeout: setting(seconds(60), {
    env: 'PDISK_CREATE_TIMEOUT',
    default: '`60`',
    allowed: allowedSeconds,
    description: 'Seconds that creating a volume may take.',
  }),
  delete_timeout: setting(seconds(60), {
    env: 'PDISK_DELETE_TIMEOUT',
    default: '`60`',
    allowed: allowedSeconds,
    description: 'Seconds that deleting a volume may take before DELETE answers 504; the deletion goes on.',
  }),
  drain_timeout: setting(seconds(5), {
    env: 'PDISK_DRAIN_TIMEOUT',
    default: '`5`',
    allowed: allowedSeconds,
    description:
      'Seconds that changes in progress may still take when pdisk is told to stop. Then the next start goes on with them.',
  }),
  reconcile_interval: setting(seconds(60), {
    env: 'PDISK_RECONCILE_INTERVAL',
    default: '`60`',
    allowed: allowedSeconds,
    description: 'Seconds between two comparisons of records, pool and domains.',
  }),
  event_history: setting(z.number().int().min(1).default(1_000_000), {
    env: 'PDISK_EVENT_HISTORY',
    default: '`1000000`',
    allowed: 'a whole number from 1 up',
    description:
      'How many events are kept for subscribers to resume from, and how many entries of the audit.',
  }),
  event_history_days: setting(z.number().gt(0).max(36_500).default(30), {
    env: 'PDISK_EVENT_HISTORY_DAYS',
    default: '`30`',
    allowed: 'a number of days above 0, at most 36500',
    description: 'How many days events and the audit are kept. Whichever limit is reached first counts.',
  }),
  event_bookmark: setting(seconds(30), {
    env: 'PDISK_EVENT_BOOKMARK',
    default: '`30`',
    allowed: allowedSeconds,
    description: 'Seconds between two bookmarks on an idle stream.',
  }),
  event_idle: setting(z.number().int().min(8).max(960).default(120), {
    env: 'PDISK_EVENT_IDLE',
    default: '`120`',
    allowed: 'a whole number of seconds from 8 to 960',
    description:
      'Seconds without a sign of life of the client (data taken, a ping answered) after which an event stream is closed.',
  }),
  event_streams: setting(z.number().int().min(1).default(100), {
    env: 'PDISK_EVENT_STREAMS',
    default: '`100`',
    allowed: 'a whole number from 1 up',
    description: 'How many event streams an account may have open at once.',
  }),
  inspect: setting(z.url({ protocol: /^wss?$/ }).optional(), {
    env: 'PDISK_INSPECT',
    default: '',
    allowed: 'the URL of a WebSocket, as ws://localhost:8080',
    description:
      "Where actors report to Stately's inspector, for work on the charts: all that is known of disks and VMs goes there.",
  }),
  metrics_access: setting(z.enum(['admin', 'loopback', 'any']).default('loopback'), {
    env: 'PDISK_METRICS_ACCESS',
    default: '`loopback`',
    allowed: "'admin', 'loopback' or 'any'",
    description:
      'Who may read `/metrics`. `admin`: administrators; `loopback`: administrators and clients on a loopback address (with a proxy on this host, all its clients); `any`: everybody.',
  }),
  log_level: setting(z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'), {
    env: 'PDISK_LOG_LEVEL',
    default: '`info`',
    allowed: 'trace, debug, info, warn, error, fatal or silent',
    description: 'What is logged.',
  }),
});

/** Settings of earlier versions, with what has replaced them. */
export const goneSettings = [
  {
    name: 'leftover_grace',
    env: 'PDISK_LEFTOVER_GRACE',
    why: 'a volume that belongs to no disk is kept until an administrator has it adopted or removed (GET /api/leftovers)',
  },
] as const;

/** The checked values of all settings, under the names of the configuration file. */
export type Settings = z.infer<typeof settings>;

/** A setting as the help and the README show it. */
export interface Setting extends About {
  readonly name: string;
  readonly description: string;
  /** Whether the environment variable's text is the value as it is; otherwise it is parsed as YAML. */
  readonly isText: boolean;
}

const textSettings: ReadonlySet<string> = new Set([
  'listen',
  'tls_certificate',
  'tls_key',
  'data_dir',
  'pool',
  'wipe',
  'vm_access',
  'inspect',
  'metrics_access',
  'log_level',
]);

/** What the help and the README tell of each setting, in order. */
export const allSettings: readonly Setting[] = Object.entries(settings.shape).map(([name, schema]) => {
  const facts = about.get(schema);
  if (!facts) throw new Error(`the setting ${name} is not documented`);
  return { name, isText: textSettings.has(name), ...facts };
});

/** The nodes of a service whose configuration names none: `localhost` and this host's name. */
export const localNodes = (hostname: string): Record<string, string> => ({
  localhost: LOCAL_URI,
  ...(isNodeName(hostname) ? { [hostname]: LOCAL_URI } : {}),
});

/**
 * Whether a node is the libvirt that runs as a system service on this host, whose configuration is in /etc.
 */
export const isSystemLibvirt = (nodes: Readonly<Record<string, string>>): boolean =>
  Object.values(nodes).includes(LOCAL_URI);
