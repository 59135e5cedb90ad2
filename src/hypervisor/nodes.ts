import { Unsupported } from '../libvirt/errors.ts';
import { DEFAULT_PORTS, parseUri } from '../libvirt/uri.ts';

/** A node that has a libvirt URI. */
export interface ConfiguredNode {
  /** Its canonical libvirt URI: two names with one URI are one node. */
  readonly key: string;
  readonly uri: string;
  /** The first configured name, or the host name if only the wildcard matches it. */
  readonly host: string;
  /** Whether it is configured by name; false: only the wildcard matches it. */
  readonly named: boolean;
}

/** The configured nodes. */
export interface Nodes {
  /** The key of a node by the name in a request; for a node that is not configured, `host:` and the name. */
  keyOf(host: string): string;
  /** The node with this key, if it is configured. */
  node(key: string): ConfiguredNode | undefined;
  /** Keys of the nodes that are configured by name. */
  named(): readonly string[];
  /** The first name of a node, for any key. */
  hostOf(key: string): string;
  /** All configured names of a node, or the result of `hostOf` if it has none. */
  namesOf(key: string): readonly string[];
  /**
   * Takes another setting as far as that can be done while the service runs: no name that was in use gets
   * another key, because records and actors hold keys. Throws Unsupported, and then nothing has changed.
   */
  renew(setting: ReadonlyMap<string, string>): Renewal;
}

/** What a new setting has changed. */
interface Renewal {
  /** Keys of nodes that are new, that have another URI, and that are not configured any more. */
  readonly added: readonly string[];
  readonly moved: readonly string[];
  readonly removed: readonly string[];
  /** What only a restart takes, a sentence each. */
  readonly refused: readonly string[];
}

const UNCONFIGURED = 'host:';
const PLACEHOLDER = '{node}';

/** RFC 1123, section 2.1, and underscores. Other characters could change the meaning of a URI. */
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?)*$/;

/**
 * A host name in the form in which names are compared: lower case, without the final dot of a qualified name.
 */
export function normalHost(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

/** The same text for two spellings of one URI. */
function canonical(uri: string): string {
  const url = new URL(uri);
  const { transport, host, port } = parseUri(uri);
  if (transport === 'unix') return `${url.protocol.replace('+unix', '')}//${url.pathname}${url.search}`;
  // URL does not change the case of a host in a URI with such a scheme.
  const at = `${host.toLowerCase()}${port === DEFAULT_PORTS[transport] ? '' : `:${port}`}`;
  const user = url.username === '' ? '' : `${url.username}@`;
  return `${url.protocol.replace(/(?:\+.*)?:$/, '')}+${transport}://${user}${at}${url.pathname}${url.search}`;
}

/** The names that a setting gives to one libvirt. */
interface Group {
  readonly uri: string;
  readonly hosts: readonly string[];
}

/** A setting by canonical URI, and the URI for every other node. Throws Unsupported. */
function groupsOf(setting: ReadonlyMap<string, string>): {
  groups: ReadonlyMap<string, Group>;
  wildcard: string | undefined;
} {
  const groups = new Map<string, Group>();
  let wildcard: string | undefined;
  for (const [name, uri] of setting) {
    if (name === '*') {
      if (!uri.includes(PLACEHOLDER))
        throw new Unsupported(`${uri} for every other node, without ${PLACEHOLDER}`);
      parseUri(uri.replaceAll(PLACEHOLDER, 'node'));
      wildcard = uri;
      continue;
    }
    const at = canonical(uri);
    const group = groups.get(at) ?? { uri, hosts: [] };
    groups.set(at, { uri: group.uri, hosts: [...group.hosts, normalHost(name)] });
  }
  return { groups, wildcard };
}

/**
 * The configured nodes, from node names and their libvirt URIs; "*", with {node} in its URI, means all other
 * nodes. Throws libvirt's Unsupported for a URI that this client cannot connect to.
 */
export function configuredNodes(setting: ReadonlyMap<string, string>): Nodes {
  const first = groupsOf(setting);
  const { wildcard } = first;
  /** Names keep their keys after they have been taken out of the setting. */
  const keyByHost = new Map<string, string>();
  /** The first name that a key had. */
  const hostByKey = new Map<string, string>();
  let named = new Map<string, ConfiguredNode>();

  const give = (key: string, { uri, hosts }: Group): ConfiguredNode => {
    for (const host of hosts) {
      if (!keyByHost.has(host)) keyByHost.set(host, key);
      if (!hostByKey.has(key)) hostByKey.set(key, host);
    }
    return { key, uri, host: hostByKey.get(key) ?? key, named: true };
  };
  for (const [key, group] of first.groups) named.set(key, give(key, group));

  const wild = (host: string): ConfiguredNode | undefined => {
    if (wildcard === undefined || !HOST_NAME.test(host)) return undefined;
    const uri = wildcard.replaceAll(PLACEHOLDER, host);
    return { key: canonical(uri), uri, host, named: false };
  };

  /** The host name in a key made from the wildcard's URI: the text in the place of the placeholder. */
  const wildHostOf = (key: string): string | undefined => {
    if (wildcard === undefined) return undefined;
    const [before = '', after = ''] = canonical(wildcard.replaceAll(PLACEHOLDER, 'node-name')).split(
      'node-name',
    );
    const host = key.slice(before.length, after === '' ? undefined : key.indexOf(after, before.length));
    return wild(host)?.key === key ? host : undefined;
  };

  const nodeOf = (key: string): ConfiguredNode | undefined => {
    const found = named.get(key);
    if (found) return found;
    const host = hostByKey.get(key) ?? wildHostOf(key);
    const node = host === undefined ? undefined : wild(host);
    return node && { ...node, key };
  };

  const keyOf = (name: string): string => {
    const host = normalHost(name);
    return keyByHost.get(host) ?? wild(host)?.key ?? `${UNCONFIGURED}${host}`;
  };

  const hostOf = (key: string): string =>
    nodeOf(key)?.host ??
    hostByKey.get(key) ??
    (key.startsWith(UNCONFIGURED) ? key.slice(UNCONFIGURED.length) : key);

  /** A new setting's groups by the keys that they get, and the names that cannot get what they are given. */
  function assigned(groups: ReadonlyMap<string, Group>): {
    next: Map<string, Group>;
    stuck: readonly string[];
  } {
    const next = new Map<string, Group>();
    const stuck: string[] = [];
    const presentOf = (host: string) => named.get(keyByHost.get(host) ?? '');
    const isAt = (host: string, at: string): boolean => {
      const present = presentOf(host);
      return present !== undefined && canonical(present.uri) === at;
    };
    const stays = (at: string, { hosts }: Group): boolean => hosts.some(host => isAt(host, at));
    // Of the names of one node that are told apart now, those keep the key that keep the URI.
    const inOrder = [...groups].sort((a, b) => Number(stays(...b)) - Number(stays(...a)));
    for (const [at, { uri, hosts }] of inOrder) {
      const key = keyOf(hosts.find(host => keyByHost.has(host)) ?? hosts[0] ?? '');
      // Under the wildcard, another name leads to the URI of this key.
      const isShared = wildHostOf(key) !== undefined && at !== key;
      const fits = (host: string): boolean =>
        !next.has(key) && !isShared && (keyByHost.get(host) ?? key) === key;
      stuck.push(...hosts.filter(host => !fits(host)));
      const fitting = hosts.filter(fits);
      if (fitting.length > 0) next.set(key, { uri, hosts: fitting });
    }
    for (const [host, key] of keyByHost) {
      const present = named.get(key);
      if (!present) continue;
      const isGone = ![...groups.values()].some(({ hosts }) => hosts.includes(host));
      // One of several names was taken out: it still means that node.
      if (isGone && next.has(key)) stuck.push(host);
      if (stuck.includes(host) && !next.has(key)) next.set(key, { uri: present.uri, hosts: [host] });
    }
    return { next, stuck };
  }

  return {
    keyOf,
    node: nodeOf,
    named: () => [...named.keys()],
    hostOf,
    namesOf(key) {
      const names = [...keyByHost].filter(([, of]) => of === key).map(([name]) => name);
      return names.length > 0 ? names : [hostOf(key)];
    },
    renew(setting) {
      const { groups, wildcard: other } = groupsOf(setting);
      const { next, stuck } = assigned(groups);
      const keys = [...new Set([...named.keys(), ...next.keys()])];
      const before = new Map(keys.map(key => [key, nodeOf(key)?.uri]));
      named = new Map([...next].map(([key, group]) => [key, give(key, group)]));
      const changed = keys.filter(key => before.get(key) !== nodeOf(key)?.uri);
      return {
        added: changed.filter(key => before.get(key) === undefined),
        moved: changed.filter(key => before.get(key) !== undefined && nodeOf(key) !== undefined),
        removed: changed.filter(key => nodeOf(key) === undefined),
        refused: [
          ...stuck.map(
            host =>
              `node ${host} stays as it is until a restart: it is one node with another name, or would be`,
          ),
          ...(other === wildcard ? [] : ["the URI of '*' stays as it is until a restart"]),
        ],
      };
    },
  };
}
