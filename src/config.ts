import { readFileSync } from 'node:fs';
import { hostname as thisHost } from 'node:os';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { type Arguments, parseArguments } from './config/arguments.ts';
import { type Environment, fromEnvironment } from './config/environment.ts';
import { isLoopback } from './config/loopback.ts';
import { normalNodeName } from './config/node-name.ts';
import type { PoolPlace } from './config/pool-place.ts';
import { allSettings, goneSettings, localNodes, type Settings, settings } from './config/settings.ts';
import { parseUri } from './libvirt/uri.ts';

/** The checked configuration, in the units and names of the code. */
export interface Config {
  readonly listen: { readonly host: string; readonly port: number };
  /** Absolute paths of PEM files, or undefined: plain HTTP. */
  readonly tls: { readonly certificate: string; readonly key: string } | undefined;
  /** Names, besides its own, that a service on a loopback address accepts in the Host header. */
  readonly hostNames: readonly string[];
  /** Origins, in lower case, whose pages may use the API. */
  readonly allowedOrigins: readonly string[];
  /** Addresses and networks of proxies whose X-Forwarded-For is trusted. */
  readonly trustedProxies: readonly string[];
  readonly maxConnections: number;
  readonly maxRequests: number;
  /** An absolute path. */
  readonly dataDir: string;
  /** With kind `file`, `directory` is an absolute path. */
  readonly pool: PoolPlace;
  readonly wipe: 'zero' | 'discard' | 'none';
  /** MiB per second; undefined: no limit. */
  readonly wipeRateMiB: number | undefined;
  readonly overcommit: number;
  readonly userLimit: number;
  /** The default quota of an account; infinity where there is none. */
  readonly quota: { readonly disks: number; readonly sizeGiB: number };
  /**
   * Node names (lower case, without a final dot) to libvirt URIs. The URI of `*`, if there is one, contains
   * `{node}`.
   */
  readonly nodes: Readonly<Record<string, string>>;
  readonly vmNames: readonly string[];
  readonly vmAccess: 'any' | 'service';
  readonly attachTimeoutMs: number;
  readonly detachTimeoutMs: number;
  readonly createTimeoutMs: number;
  readonly deleteTimeoutMs: number;
  readonly drainMs: number;
  readonly reconcileIntervalMs: number;
  /** The greatest number of events that the log keeps; `eventHistoryMs` is their greatest age. */
  readonly eventHistory: number;
  readonly eventHistoryMs: number;
  readonly eventBookmarkMs: number;
  readonly eventIdleSeconds: number;
  /** The greatest number of event streams that an account may have open. */
  readonly eventStreams: number;
  /** The WebSocket URL of Stately's inspector that actors report to; undefined: none. */
  readonly inspect: string | undefined;
  readonly metricsAccess: 'admin' | 'loopback' | 'any';
  readonly logLevel: Settings['log_level'];
  /** Whether a database that has lost data is opened nevertheless, at this start only. */
  readonly acceptLoss: boolean;
}

/** Every mistake of the configuration, a sentence each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly sentences: readonly string[];

  constructor(sentences: readonly string[]) {
    super(sentences.join('\n'));
    this.sentences = sentences;
  }
}

interface Sources {
  /** The arguments after the program's name. */
  readonly argv?: readonly string[];
  readonly env: Environment;
  readonly readFile?: (path: string) => string;
  readonly hostname?: string;
  readonly cwd?: string;
}

type Values = Record<string, unknown>;

const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\s*\n[\s\S]*$/, '').replace(/[:.]$/, '');

/** Parses the command line. Throws a ConfigError. */
export function commandLine(argv: readonly string[]): Arguments {
  try {
    return parseArguments(argv);
  } catch (error) {
    throw new ConfigError([`The command line is wrong: ${reasonOf(error)}; see --help.`]);
  }
}

function fromFile(file: string, read: (path: string) => string, mistakes: string[]): Values {
  let text: string;
  try {
    text = read(file);
  } catch (error) {
    mistakes.push(`The configuration file ${file} cannot be read: ${reasonOf(error)}.`);
    return {};
  }
  try {
    const values: unknown = parse(text) ?? {};
    if (typeof values === 'object' && !Array.isArray(values)) return { ...values };
    mistakes.push(`The configuration file ${file} must hold a map from settings to values.`);
  } catch (error) {
    mistakes.push(`The configuration file ${file} is not valid YAML: ${reasonOf(error)}.`);
  }
  return {};
}

/** Reports and removes settings of earlier versions. */
function reportGone(values: Values, env: Sources['env'], mistakes: string[]): void {
  for (const { name, env: variable, why } of goneSettings) {
    if (name in values) mistakes.push(`The setting ${name} is gone: ${why}. Take it out.`);
    if (env[variable])
      mistakes.push(`${variable} is set, and the setting ${name} is gone: ${why}. Take it out.`);
    delete values[name];
  }
}

/** The name and the value that an issue's path leads to. */
function offender(values: Values, path: readonly PropertyKey[]): { name: string; value: unknown } {
  let value: unknown = values;
  for (const key of path)
    value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  return { name: path.map(String).join('.'), value };
}

function check(values: Values, fromEnv: Values, mistakes: string[]): Settings | undefined {
  const outcome = settings.safeParse(values);
  if (outcome.success) return outcome.data;
  for (const issue of outcome.error.issues) {
    if (issue.code === 'unrecognized_keys') {
      const known = allSettings.map(s => s.name).join(', ');
      mistakes.push(...issue.keys.map(key => `There is no setting ${key}; the settings are ${known}.`));
      continue;
    }
    const { name, value } = offender(values, issue.path);
    const setting = allSettings.find(s => s.name === issue.path[0]);
    const isInEnv = setting !== undefined && setting.name in fromEnv;
    const source = isInEnv ? ` (from ${setting.env})` : '';
    const form = isInEnv && setting.allowed.startsWith('a list') ? ", in YAML: '[a, b]'" : '';
    const why = issue.code === 'custom' && issue.params?.why ? `; ${issue.params.why}` : '';
    mistakes.push(
      `${name}${source} is ${JSON.stringify(value)}; ${setting?.name} must be ${setting?.allowed}${form}${why}.`,
    );
  }
  return undefined;
}

function tlsOf({ tls_certificate, tls_key }: Settings, cwd: string): Config['tls'] {
  if (tls_certificate === undefined && tls_key === undefined) return undefined;
  if (tls_certificate !== undefined && tls_key !== undefined) {
    return { certificate: resolve(cwd, tls_certificate), key: resolve(cwd, tls_key) };
  }
  const [given, missing] =
    tls_key === undefined ? ['tls_certificate', 'tls_key'] : ['tls_key', 'tls_certificate'];
  throw new ConfigError([`${given} is set and ${missing} is not; TLS needs both.`]);
}

/** Refuses libvirt without TLS beyond this computer. */
function demandSecureNodes(nodes: readonly (readonly [name: string, uri: string])[]): void {
  const sentences = nodes.flatMap(([name, uri]) => {
    const { transport, host } = parseUri(uri.replaceAll('{node}', 'node'));
    if (transport !== 'tcp' || isLoopback(host)) return [];
    return [
      `nodes.${name} is ${uri}, and qemu+tcp is neither encrypted nor does it verify anybody: use qemu+tls://HOST/system or qemu+ssh://USER@HOST/system, or set insecure_nodes to true.`,
    ];
  });
  if (sentences.length > 0) throw new ConfigError(sentences);
}

const orInfinity = (quota: number | 'none'): number => (quota === 'none' ? Number.POSITIVE_INFINITY : quota);

const absolute = (place: PoolPlace, cwd: string): PoolPlace =>
  place.kind === 'file' ? { ...place, directory: resolve(cwd, place.directory) } : place;

/**
 * Reads the configuration: the environment overrides the YAML file named by `--config` or PDISK_CONFIG, which
 * overrides the defaults. Relative paths are resolved against `cwd`. Throws one ConfigError with all
 * mistakes.
 */
export function loadConfig(sources: Sources): Config {
  const { env, readFile = path => readFileSync(path, 'utf8') } = sources;
  const cwd = sources.cwd ?? process.cwd();
  const mistakes: string[] = [];

  const { config: named, has } = commandLine(sources.argv ?? []);
  const file = named ?? env.PDISK_CONFIG;
  const inFile = file ? fromFile(resolve(cwd, file), readFile, mistakes) : {};
  reportGone(inFile, env, mistakes);
  const inEnv = fromEnvironment(env, mistakes);
  const checked = check({ ...inFile, ...inEnv }, inEnv, mistakes);
  if (!checked || mistakes.length > 0) throw new ConfigError([...new Set(mistakes)]);

  const tls = tlsOf(checked, cwd);
  if (!tls && !checked.insecure && !isLoopback(checked.listen.host)) {
    throw new ConfigError([
      `listen is ${checked.listen.host}, which others can reach, and passwords would cross the network in the clear: set tls_certificate and tls_key, listen on 127.0.0.1, or set insecure to true.`,
    ]);
  }

  const dataDir = resolve(cwd, checked.data_dir);
  const nodes = Object.entries(checked.nodes ?? localNodes(sources.hostname ?? thisHost()));
  if (!checked.insecure_nodes) demandSecureNodes(nodes);
  return {
    listen: checked.listen,
    tls,
    hostNames: checked.host_names.map(normalNodeName),
    allowedOrigins: checked.allowed_origins.map(origin => origin.toLowerCase()),
    trustedProxies: checked.trusted_proxies,
    maxConnections: checked.max_connections,
    maxRequests: checked.max_requests,
    dataDir,
    pool: absolute(checked.pool ?? { kind: 'file', directory: join(dataDir, 'pool') }, cwd),
    wipe: checked.wipe,
    wipeRateMiB: checked.wipe_rate,
    overcommit: checked.overcommit,
    userLimit: checked.user_limit,
    quota: { disks: orInfinity(checked.quota_disks), sizeGiB: orInfinity(checked.quota_size) },
    nodes: Object.fromEntries(nodes.map(([name, uri]) => [normalNodeName(name), uri])),
    vmNames: checked.vm_names,
    vmAccess: checked.vm_access,
    attachTimeoutMs: checked.attach_timeout * 1000,
    detachTimeoutMs: checked.detach_timeout * 1000,
    createTimeoutMs: checked.create_timeout * 1000,
    deleteTimeoutMs: checked.delete_timeout * 1000,
    drainMs: checked.drain_timeout * 1000,
    reconcileIntervalMs: checked.reconcile_interval * 1000,
    eventHistory: checked.event_history,
    eventHistoryMs: checked.event_history_days * 86_400_000,
    eventBookmarkMs: checked.event_bookmark * 1000,
    eventIdleSeconds: checked.event_idle,
    eventStreams: checked.event_streams,
    inspect: checked.inspect,
    metricsAccess: checked.metrics_access,
    logLevel: checked.log_level,
    acceptLoss: has('accept-loss'),
  };
}
