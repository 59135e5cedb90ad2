import { Unsupported } from '../libvirt/errors.ts';
import { parseUri } from '../libvirt/uri.ts';

/** A node that may be linked. */
export interface ConfiguredNode {
  /** Canonical: its libvirt URI, so that two names of one libvirt are one node. */
  readonly key: string;
  readonly uri: string;
  /** The first name the configuration gives it, or the host itself under the wildcard. */
  readonly host: string;
  /** Whether the configuration names it; else it is one of the many that the wildcard stands for. */
  readonly named: boolean;
}

export interface Nodes {
  /** The key of a node by the name in a request; of one that is not configured: `host:` and the name. */
  keyOf(host: string): string;
  /** The node with this key, if it is configured. */
  node(key: string): ConfiguredNode | undefined;
  /** Keys of the nodes that the configuration names. */
  named(): readonly string[];
  /** The name behind any key. */
  hostOf(key: string): string;
  /** All names that the configuration has for it, or the one behind its key. */
  namesOf(key: string): readonly string[];
}

const UNCONFIGURED = 'host:';
const PLACEHOLDER = '{node}';

/** RFC 1123, section 2.1, and underscores: what may be put into a URI, where anything else could change its meaning. */
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?)*$/;

/** Host names are compared in lower case, without the final dot of a fully qualified one. */
export function normalHost(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

/** The same text for two spellings of one URI. */
function canonical(uri: string): string {
  const url = new URL(uri);
  // Hosts of such URIs are opaque to URL, which keeps their case.
  const host = url.host.toLowerCase().replace(/:16509$/, '');
  const user = url.username === '' ? '' : `${url.username}@`;
  return `${url.protocol}//${user}${host}${url.pathname}${url.search}`;
}

/**
 * The nodes of the configuration: names and their libvirt URIs, "*" with {node} in its URI for all others. Throws libvirt's
 * Unsupported for a URI that cannot work.
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

  /** The host whose wildcard URI is this key: all between what stands before and after the placeholder. */
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
