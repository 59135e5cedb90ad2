import { errorOf } from '../errors.ts';
import type { DomainEvent } from '../libvirt/domain.ts';
import { handlersOf } from '../libvirt/handlers.ts';
import type { NodeStatus } from './hypervisor.ts';
import { linkNode, type NodeLink, type NodeLinkOptions } from './node-link.ts';
import type { Nodes } from './nodes.ts';

/** The links to nodes, by canonical node key. */
export interface Links {
  /** The link to a node, created if there is none. Throws NODE_NOT_CONFIGURED, or STOPPING after `close`. */
  get(key: string): NodeLink;
  /** As `get`; and the link is not closed when it is idle. */
  pin(key: string): void;
  /** To be called when nodes have changed: ends the links to other URIs, and links what was pinned again. */
  renew(): void;
  keys(): readonly string[];
  status(): readonly NodeStatus[];
  onUp(handler: (node: string, generation: number) => void): () => void;
  onEvent(handler: (node: string, event: DomainEvent) => void): () => void;
  close(): Promise<void>;
}

interface Held {
  readonly link: NodeLink;
  readonly uri: string;
  /** Closes the link after `idleMs` without a `get`; undefined: the link is never closed for being idle. */
  idle: NodeJS.Timeout | undefined;
}

/**
 * The links to nodes, created when they are needed. Under the wildcard, every host name in a request creates
 * one, so a link that matches only the wildcard is closed after `idleMs` milliseconds without use, unless
 * `pin` was called.
 */
export function createLinks(
  nodes: Nodes,
  options: Pick<NodeLinkOptions, 'log' | 'connectMs' | 'open'> & { readonly idleMs: number },
): Links {
  const held = new Map<string, Held>();
  const ups = handlersOf<[string, number]>();
  const events = handlersOf<[string, DomainEvent]>();
  let generations = 0;
  let closed = false;

  function open(key: string): Held {
    const node = nodes.node(key);
    if (!node) throw errorOf('NODE_NOT_CONFIGURED', { node: nodes.hostOf(key) });
    if (closed) throw errorOf('STOPPING');
    const link = linkNode({
      node,
      log: options.log,
      connectMs: options.connectMs,
      open: options.open,
      nextGeneration: () => {
        generations += 1;
        return generations;
      },
      onUp: generation => {
        if (isCurrent()) ups.call(key, generation);
      },
      onEvent: event => {
        if (isCurrent()) events.call(key, event);
      },
    });
    // A link that is being ended may still hear of the node that it led to.
    const isCurrent = (): boolean => held.get(key)?.link === link;
    const forget = (): void => {
      held.delete(key);
      void link.close();
    };
    const idle = node.named ? undefined : setTimeout(forget, options.idleMs).unref();
    const fresh: Held = { link, uri: node.uri, idle };
    held.set(key, fresh);
    return fresh;
  }

  function hold(key: string): Held {
    const found = held.get(key) ?? open(key);
    found.idle?.refresh();
    return found;
  }

  function pin(key: string): void {
    const found = hold(key);
    clearTimeout(found.idle);
    found.idle = undefined;
  }

  return {
    get: key => hold(key).link,
    pin,
    renew() {
      for (const [key, { link, uri, idle }] of [...held]) {
        const node = nodes.node(key);
        if (node?.uri === uri) continue;
        held.delete(key);
        clearTimeout(idle);
        void link.close();
        if (node && idle === undefined) pin(key);
      }
    },
    keys: () => [...held.keys()],
    status: () => [...held.values()].map(({ link }) => link.status),
    onUp: ups.add,
    onEvent: events.add,
    async close() {
      closed = true;
      const all = [...held.values()];
      held.clear();
      for (const { idle } of all) clearTimeout(idle);
      await Promise.all(all.map(({ link }) => link.close()));
    },
  };
}
