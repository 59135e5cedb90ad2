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

/**
 * The configured nodes, from node names and their libvirt URIs; "*", with {node} in its URI, means all other
 * nodes. Throws libvirt's Unsupported for a URI that this client cannot connect to.
 */
export function configuredNodes(setting: ReadonlyMap<string, string>): Nodes {
  const keyByHost = new Map<string, string>();
  const named = new Map<string, ConfiguredNode>();
  let wildcard: string | undefined;

  for (const [name, uri] of setting) {
    if (name === '*') {
      if (!uri.includes(PLACEHOLDER))
        throw new Unsupported(`${uri} for every other node, without ${PLACEHOLDER}`);
      parseUri(uri.replaceAll(PLACEHOLDER, 'node'));
      wildcard = uri;
      continue;
    }
    parseUri(uri);
    const [host, key] = [normalHost(name), canonical(uri)];
    keyByHost.set(host, key);
    if (!named.has(key)) named.set(key, { key, uri, host, named: true });
  }

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
    const host = named.has(key) ? undefined : wildHostOf(key);
    return host === undefined ? named.get(key) : wild(host);
  };

  const hostOf = (key: string): string =>
    nodeOf(key)?.host ?? (key.startsWith(UNCONFIGURED) ? key.slice(UNCONFIGURED.length) : key);

  return {
    keyOf(name) {
      const host = normalHost(name);
      return keyByHost.get(host) ?? wild(host)?.key ?? `${UNCONFIGURED}${host}`;
    },
    node: nodeOf,
    named: () => [...named.keys()],
    hostOf,
    namesOf(key) {
      const names = [...keyByHost].filter(([, of]) => of === key).map(([name]) => name);
      return names.length > 0 ? names : [hostOf(key)];
    },
  };
}
